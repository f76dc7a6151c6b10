package config

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/snorky-go/snorky/actors/services"
)

const (
	keySubscribe = "subscribe"
	keyPublish   = "publish"
	keyBackend   = "backend"
	keyChannel   = "channel"
	keyPattern   = "pattern"
	twinSuffix   = "_backend"
)

var errBrackets = errors.New("write each pattern under [[pubsub.channel]], with two brackets")

// decodePubSub reads a [[pubsub]] table. What it leaves out: everybody may subscribe, nobody publish, the twin is
// NAME_backend.
func decodePubSub(table map[string]any) (PubSub, error) {
	channels, has := table[keyChannel]
	table = maps.Clone(table)
	delete(table, keyChannel)
	values, err := texts(table, keyName, keySubscribe, keyPublish, keyBackend)
	if err != nil {
		return PubSub{}, err
	}
	s := PubSub{Name: values[keyName], Subscribe: Everybody, Publish: Nobody, Backend: values[keyName] + twinSuffix}
	if err := decodePolicies(values, &s.Subscribe, &s.Publish); err != nil {
		return PubSub{}, err
	}
	if backend, given := values[keyBackend]; given {
		s.Backend = backend
	}
	if has {
		s.Channels, err = decodeArray(keyChannel, errBrackets, channels, decodeChannel)
	}
	return s, err
}

// decodeChannel reads a [[pubsub.channel]] table.
func decodeChannel(table map[string]any) (Channel, error) {
	values, err := texts(table, keyPattern, keySubscribe, keyPublish)
	if err != nil {
		return Channel{}, err
	}
	c := Channel{Pattern: values[keyPattern]}
	return c, decodePolicies(values, &c.Subscribe, &c.Publish)
}

// decodePolicies reads the rules that are given.
func decodePolicies(values map[string]string, subscribe, publish *Policy) error {
	for _, rule := range []struct {
		key  string
		into *Policy
	}{{keySubscribe, subscribe}, {keyPublish, publish}} {
		text, given := values[rule.key]
		if given && text == "" {
			return fmt.Errorf("%s: is empty; leave it out, or write a rule", rule.key)
		}
		if given {
			*rule.into = Policy(text)
		}
	}
	return nil
}

func (s PubSub) validate(taken names, application bool) error {
	if err := validateName(keyName, s.Name, taken.front); err != nil {
		return err
	}
	if _, err := s.Access(); err != nil {
		return err
	}
	if !application {
		if at := s.asks(); at != "" {
			return fmt.Errorf("%s: %q needs application-url", at, Application)
		}
	}
	return validateName(keyBackend, s.Backend, taken.back)
}

// asks says where the first rule is that asks the application.
func (s PubSub) asks() string {
	for i, c := range append([]Channel{{Subscribe: s.Subscribe, Publish: s.Publish}}, s.Channels...) {
		at := ""
		if i > 0 {
			at = fmt.Sprintf("channel number %d: ", i)
		}
		if c.Subscribe == Application {
			return at + keySubscribe
		}
		if c.Publish == Application {
			return at + keyPublish
		}
	}
	return ""
}

// Access are the rules of the service. The error says which of them is wrong.
func (s PubSub) Access() (*services.Access, error) {
	rules := services.AccessRules{Subscribe: string(s.Subscribe), Publish: string(s.Publish)}
	for _, c := range s.Channels {
		rules.Channels = append(rules.Channels, services.ChannelRules{
			Pattern: c.Pattern, Subscribe: string(c.Subscribe), Publish: string(c.Publish),
		})
	}
	access, err := services.NewAccess(rules)
	if fault, ok := errors.AsType[*services.RuleError](err); ok {
		return nil, explain(fault)
	}
	return access, err
}

// explain puts what is wrong with a rule into words for who wrote it.
func explain(fault *services.RuleError) error {
	at := fault.Field
	if fault.Channel > 0 {
		at = fmt.Sprintf("channel number %d: %s", fault.Channel, fault.Field)
	}
	hint := ""
	if errors.Is(fault, services.ErrUnknownRule) {
		word, _, more := strings.Cut(fault.Text, ":")
		if more {
			word += ":"
		}
		hint = suggest(word, services.RuleWords(), "")
	}
	return fmt.Errorf("%s: %s %w%s", at, show(fault.Text), fault.Err, hint)
}
