package services

import (
	"encoding/json"
	"fmt"

	"github.com/snorky-go/snorky/actors"
)

// AccessRules say who may do what in which channels. Each rule is one of these texts:
//
//	everybody          all clients
//	authenticated      those who have an identity
//	own                whose identity stands where the pattern has {identity}; a text or a number
//	claim:NAME         those whose claim NAME is true
//	claim:NAME=VALUE   those whose claim NAME is VALUE, or is a list that has it
//	application        those whom the application allows it, asked each time; see Authorizer
//	nobody             no client; only the backend, to which no rule applies
//
// A NAME with dots, such as team.role, is a member of a member, unless there is a claim of the whole name. VALUE is a JSON
// value, such as 3 or "3", and what is no JSON is a text; in a text, {channel} stands for the name of the channel.
type AccessRules struct {
	// Subscribe and Publish are the rules for the channels that no pattern matches, which are also those whose name is no
	// text. Empty: everybody may subscribe, and nobody publish.
	Subscribe, Publish string
	// Channels are the rules for others. The first pattern that matches a channel counts, and no other.
	Channels []ChannelRules
}

// ChannelRules are the rules for the channels that a pattern matches.
type ChannelRules struct {
	// Pattern is the name of a channel, in which * stands for any run of characters and {identity} for the identity of
	// an owner. {identity} matches everybody's channels: whose they are is for the rule own to say, and so nobody gets
	// round it by way of a later pattern.
	//
	// With own, a * may stand behind the {identity} only, with text between the two; then identities that have the first
	// character of that text in them own nothing. So no channel has two owners.
	Pattern string
	// Subscribe and Publish are rules. Empty: those of the AccessRules.
	Subscribe, Publish string
}

// Action is what a rule is about.
type Action int

// The actions.
const (
	Subscribe Action = iota
	Publish
	actions
)

var actionNames = [actions]string{"subscribe", "publish"}

// String returns the name of the command.
func (a Action) String() string {
	if a < 0 || a >= actions {
		return "unknown"
	}
	return actionNames[a]
}

// Decision is what rules come to.
type Decision int

// The decisions. The zero value is the safe one.
const (
	Refuse Decision = iota
	Allow
	AskApplication
)

// Access is AccessRules made ready for use. It never changes.
type Access struct {
	defaults rules
	channels []channelRules
	asks     [actions]bool
}

type rules [actions]rule

type channelRules struct {
	pattern *pattern
	rules   rules
}

// RuleError says where in AccessRules there is something wrong.
type RuleError struct {
	Channel int    // the number of the ChannelRules, from 1; 0: the rules for all other channels
	Field   string // pattern, subscribe or publish
	Text    string // what it says
	Err     error  // what is wrong with that
}

// Error implements error.
func (e *RuleError) Error() string {
	at := e.Field
	if e.Channel > 0 {
		at = fmt.Sprintf("channel number %d: %s", e.Channel, e.Field)
	}
	return fmt.Sprintf("%s: %q %v", at, e.Text, e.Err)
}

// Unwrap returns what is wrong.
func (e *RuleError) Unwrap() error { return e.Err }

// NewAccess reads rules. Its error is a *RuleError.
func NewAccess(r AccessRules) (*Access, error) {
	texts := [actions]string{or(r.Subscribe, RuleEverybody), or(r.Publish, RuleNobody)}
	a := &Access{}
	var err error
	if a.defaults, err = a.compile(texts, nil, 0); err != nil {
		return nil, err
	}
	for i, c := range r.Channels {
		p, err := newPattern(c.Pattern)
		if err != nil {
			return nil, &RuleError{Channel: i + 1, Field: "pattern", Text: c.Pattern, Err: err}
		}
		own, err := a.compile([actions]string{or(c.Subscribe, texts[Subscribe]), or(c.Publish, texts[Publish])}, p, i+1)
		if err != nil {
			return nil, err
		}
		a.channels = append(a.channels, channelRules{pattern: p, rules: own})
	}
	return a, nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// compile reads the rules of a pattern, or the defaults.
func (a *Access) compile(texts [actions]string, of *pattern, number int) (all rules, err error) {
	for action, text := range texts {
		if all[action], err = newRule(text, of); err != nil {
			return all, &RuleError{Channel: number, Field: actionNames[action], Text: text, Err: err}
		}
		a.asks[action] = a.asks[action] || text == RuleApplication
	}
	return all, nil
}

// Asks tells whether there is a channel for which the application has to be asked.
func (a *Access) Asks(action Action) bool { return a.asks[action] }

// Decide says what the rules come to for a client and a channel, given as a JSON value. Names are compared by what they
// say, not by their escapes. Decide does not block; services use it for what they have rules for.
func (a *Access) Decide(action Action, client actors.Principal, channel json.RawMessage) Decision {
	who := applicant{Principal: client}
	chosen := &a.defaults
	if who.channel, who.named = textOfJSON(channel); who.named {
		for i := range a.channels {
			if c := &a.channels[i]; c.pattern.matches(who.channel) {
				who.pattern, chosen = c.pattern, &c.rules
				break
			}
		}
	}
	return chosen[action](who)
}
