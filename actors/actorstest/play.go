package actorstest

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors"
)

// Step is one thing that happens, and all that comes of it. A test with many of them reads as a table.
type Step struct {
	// Who acts: the name of a client, who connects with its first step, or "backend".
	Who string
	// Call is SERVICE.COMMAND. For a client it can also be "close", which ends its connection, or "identify", which gives
	// it the identity that Params are.
	Call string
	// Params are those of the call, as JSON; "" stands for none.
	Params string
	// Want is the answer: the result as JSON, or the text of an error after "!". "~NAME" takes any result and keeps it
	// under that name, which has letters and digits only: "$NAME" in Params, Want and Hear of later steps stands for it.
	// "" is null.
	Want string
	// Hear are the contents of what clients hear, as JSON, in order. What the one who acts hears comes before the answer
	// (PROTOCOL.md section 5, rule 2).
	Hear Heard
	// Do is done instead of a call. Hear is what comes of it.
	Do func(*Broker)
}

// Heard is what clients hear, by their names.
type Heard map[string][]string

// Play prepares a broker, with services for instance, and plays steps with it, in a bubble as Run does.
func Play(t *testing.T, prepare func(*testing.T, *Broker), steps ...Step) {
	t.Helper()
	// The stack of the bubble does not reach to the caller, whose line t.Helper would otherwise find.
	_, file, line, _ := runtime.Caller(1)
	Run(t, actors.Options{}, func(t *testing.T, b *Broker) {
		prepare(t, b)
		b.play(fmt.Sprintf("%s:%d: ", filepath.Base(file), line), steps)
	})
}

// Play plays steps. After each, the test fails if anybody has heard something else than the step says.
func (b *Broker) Play(steps ...Step) {
	b.t.Helper()
	b.play("", steps)
}

func (b *Broker) play(where string, steps []Step) {
	b.t.Helper()
	p := &play{b: b, kept: map[string]string{}}
	defer func() { b.scene = "" }()
	for i, step := range steps {
		b.scene = fmt.Sprintf("%sstep %d: ", where, i+1)
		p.play(step)
	}
}

// play is a play that is under way.
type play struct {
	b    *Broker
	kept map[string]string
}

func (p *play) play(s Step) {
	p.b.t.Helper()
	answer := p.act(s)
	if answer != nil {
		p.check(*answer, s.Want)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Hear)) {
		c := p.client(name)
		for _, content := range s.Hear[name] {
			m := c.Next()
			m.Want(m.Service, p.filled(content))
			if answer != nil && name == s.Who {
				c.WantOrder(m, answer)
			}
		}
	}
	p.b.Quiet()
}

// act does what the step says, and returns the answer if that is a call.
func (p *play) act(s Step) *Answer {
	p.b.t.Helper()
	if s.Do != nil {
		p.b.doing("something is done")
		s.Do(p.b)
		return nil
	}
	service, command, isCall := strings.Cut(s.Call, ".")
	var params any
	if s.Params != "" {
		params = p.filled(s.Params)
	}
	switch {
	case isCall && s.Who == "backend":
		a := p.b.Call(service, command, params)
		return &a
	case isCall:
		a := p.client(s.Who).Call(service, command, params)
		return &a
	case s.Call == "close":
		p.client(s.Who).Close()
	case s.Call == "identify":
		p.client(s.Who).Identify(params)
	default:
		p.b.t.Fatalf("%s%s does %q, which is neither SERVICE.COMMAND nor close nor identify", p.b.scene, s.Who, s.Call)
	}
	return nil
}

// client returns the client of a name, who may have to connect first.
func (p *play) client(name string) *Client {
	p.b.t.Helper()
	for _, c := range p.b.clients {
		if c.name == name {
			return c
		}
	}
	return p.b.Client(name)
}

func (p *play) check(a Answer, want string) {
	p.b.t.Helper()
	name, keep := strings.CutPrefix(want, "~")
	refusal, refuse := strings.CutPrefix(want, "!")
	switch {
	case keep:
		var data JSON
		a.Data(&data)
		p.kept[name] = string(data)
	case refuse:
		a.WantError(refusal)
	case want == "":
		a.Want(nil)
	default:
		a.Want(p.filled(want))
	}
}

var keptName = regexp.MustCompile(`\$[A-Za-z][A-Za-z0-9]*`)

// filled puts in what was kept. Other dollars are left as they are.
func (p *play) filled(text string) JSON {
	return JSON(keptName.ReplaceAllStringFunc(text, func(name string) string {
		if value, ok := p.kept[name[1:]]; ok {
			return value
		}
		return name
	}))
}
