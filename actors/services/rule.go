package services

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// The rules that are one word. The others are RuleClaim and what follows it.
const (
	RuleEverybody     = "everybody"
	RuleAuthenticated = "authenticated" // who has an identity
	RuleOwn           = "own"           // whose identity stands in the name of the channel
	RuleApplication   = "application"   // whom the application allows it
	RuleNobody        = "nobody"

	// RuleClaim begins a rule about the claims of a client: claim:NAME, which has to be true, or claim:NAME=VALUE, which
	// has to be the value, or a list that has it. See AccessRules.
	RuleClaim = "claim:"
)

// RuleWords are the words with which rules begin.
func RuleWords() []string {
	return []string{RuleEverybody, RuleAuthenticated, RuleOwn, RuleClaim, RuleApplication, RuleNobody}
}

// channelPlace stands in the value of a claim for the name of the channel.
const channelPlace = "{channel}"

// ErrUnknownRule says that a text is no rule at all.
var ErrUnknownRule = errors.New("is none of everybody, authenticated, own, claim:NAME=VALUE, application, nobody")

var (
	errDefaultOwn  = errors.New("is for channels with {identity} in their pattern, not for all others")
	errClaimName   = errors.New("names no claim; write claim:NAME or claim:NAME=VALUE")
	errClaimValue  = errors.New(`has no value; write claim:NAME=VALUE, or claim:NAME="" for an empty text`)
	errClaimBlanks = errors.New("has blanks around the name or the value of its claim")
	errClaimBraces = errors.New("has braces in its value; the only thing that stands in braces is {channel}")
	errClaimQuoted = errors.New("has {channel} within a JSON value; write it without quotes")
)

// applicant is what a rule looks at.
type applicant struct {
	actors.Principal
	channel string // its name
	named   bool   // false: the channel is no text, and has no name
	pattern *pattern
}

// rule judges an applicant. It does not block and, but for odd claims, does not allocate.
type rule func(applicant) Decision

func always(d Decision) rule { return func(applicant) Decision { return d } }

func when(holds bool) Decision {
	if holds {
		return Allow
	}
	return Refuse
}

// newRule reads a rule for the channels of a pattern, which is nil for those of none.
func newRule(text string, of *pattern) (rule, error) {
	switch text {
	case RuleEverybody:
		return always(Allow), nil
	case RuleNobody:
		return always(Refuse), nil
	case RuleApplication:
		return always(AskApplication), nil
	case RuleAuthenticated:
		return func(a applicant) Decision { return when(isSomebody(a.Identity)) }, nil
	case RuleOwn:
		if of == nil {
			return nil, errDefaultOwn
		}
		return own, of.unowned
	}
	if claim, is := strings.CutPrefix(text, RuleClaim); is {
		return newClaimRule(claim)
	}
	return nil, ErrUnknownRule
}

// isSomebody is for principals that come from elsewhere than a call, too.
func isSomebody(identity json.RawMessage) bool {
	return len(identity) > 0 && string(identity) != "null"
}

// own allows those whose identity stands in the name of the channel. Identities that are neither texts nor numbers own
// nothing.
func own(a applicant) Decision {
	text, ok := textOfJSON(a.Identity)
	if !ok {
		text, ok = wire.PlainNumber(a.Identity)
	}
	return when(ok && a.named && a.pattern.ownedBy(text, a.channel))
}

// textOfJSON is the text that a value is, which may have blanks around it when it comes from elsewhere than a call.
func textOfJSON(value json.RawMessage) (text string, ok bool) {
	return wire.Unquote(bytes.TrimSpace(value))
}

// newClaimRule reads what follows "claim:".
func newClaimRule(text string) (rule, error) {
	name, value, valued := strings.Cut(text, "=")
	switch {
	case name == "":
		return nil, errClaimName
	case strings.TrimSpace(name) != name, strings.TrimSpace(value) != value:
		return nil, errClaimBlanks
	case !valued:
		return func(a applicant) Decision { return when(string(claimOf(a.Claims, name)) == "true") }, nil
	case value == "":
		return nil, errClaimValue
	}
	is, err := newComparison(value)
	if err != nil {
		return nil, err
	}
	return func(a applicant) Decision {
		claim := claimOf(a.Claims, name)
		has := is(claim, a)
		wire.EachElement(claim, func(element []byte) bool {
			has = has || is(element, a)
			return !has
		})
		return when(has)
	}, nil
}

// newComparison reads the value that a claim is to have: JSON, or else a text.
func newComparison(value string) (is func(claim []byte, a applicant) bool, err error) {
	if wire.Valid([]byte(value)) != nil {
		if strings.ContainsAny(strings.ReplaceAll(value, channelPlace, ""), "{}") {
			return nil, errClaimBraces
		}
		return newTemplate(value), nil
	}
	if strings.Contains(value, channelPlace) {
		return nil, errClaimQuoted
	}
	key, err := wire.CanonicalKey([]byte(value))
	if err != nil {
		return nil, err
	}
	return func(claim []byte, _ applicant) bool {
		given, err := wire.CanonicalKey(claim)
		return err == nil && given == key
	}, nil
}

// newTemplate compares with a text in which the name of the channel may have places.
func newTemplate(text string) func([]byte, applicant) bool {
	literals := strings.Split(text, channelPlace)
	return func(claim []byte, a applicant) bool {
		rest, ok := textOfJSON(claim)
		if !ok || len(literals) > 1 && !a.named {
			return false
		}
		for i, literal := range literals {
			if i > 0 {
				if rest, ok = strings.CutPrefix(rest, a.channel); !ok {
					return false
				}
			}
			if rest, ok = strings.CutPrefix(rest, literal); !ok {
				return false
			}
		}
		return rest == ""
	}
}

// claimOf finds a claim: the member of that name, or, if there is none, what the rest of the name says of the member in
// front of the first dot. Claims of the web have dots in their names, such as https://example.com/roles.
func claimOf(claims json.RawMessage, name string) json.RawMessage {
	outer, inner, dotted := strings.Cut(name, ".")
	var whole, nested json.RawMessage
	_ = wire.Members(claims, func(key string, value []byte) bool { // of what is no object nothing is found
		if key == name {
			whole = value
		} else if dotted && key == outer {
			nested = value
		}
		return true
	})
	if whole == nil && nested != nil {
		return claimOf(nested, inner)
	}
	return whole
}
