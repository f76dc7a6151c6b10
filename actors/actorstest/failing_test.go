package actorstest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// recorder is a test that notes how it fails.
type recorder struct {
	testing.TB
	failures []string
}

type fatal struct{}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(fatal{})
}

// failures plays a scene and returns how it fails.
func failures(t *testing.T, o actors.Options, scene func(*Broker)) []string {
	t.Helper()
	r := &recorder{}
	synctest.Test(t, func(t *testing.T) {
		r.TB = t
		b := newBroker(r, o)
		defer b.end()
		defer func() {
			if reason := recover(); reason != nil && reason != (fatal{}) {
				panic(reason)
			}
		}()
		scene(b)
	})
	return r.failures
}

// trial is a service that does what a scene needs.
type trial struct{ context *actors.ServiceContext }

func (s *trial) Start(c *actors.ServiceContext) error {
	s.context = c
	return nil
}

func (s *trial) Commands() actors.Commands {
	type value struct {
		V json.RawMessage `json:"v"`
	}
	return actors.Commands{
		"return": actors.Command(func(_ *actors.Call, p value) (any, error) { return p.V, nil }),
		"refuse": actors.Command(func(*actors.Call, actors.NoParams) (any, error) { return nil, wire.ErrNotJoined }),
		"notify": actors.Command(func(c *actors.Call, p value) (any, error) {
			peer, _ := c.Peer()
			return nil, peer.Notify(p.V)
		}),
		"later": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			answer := c.Later()
			s.context.After(time.Second, func() { answer.Respond("at last") })
			return nil, nil
		}),
		"early": actors.Command(func(c *actors.Call, p value) (any, error) {
			peer, _ := c.Peer()
			c.Later().Respond("too early")
			s.context.Do(func() { _ = peer.Notify(p.V) })
			return nil, nil
		}),
		"panic":  actors.Command(func(*actors.Call, actors.NoParams) (any, error) { panic("ouch") }),
		"broken": actors.Command(func(*actors.Call, actors.NoParams) (any, error) { return JSON(`{"half`), nil }),
		"never": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			c.Later()
			return nil, nil
		}),
		"who": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) { return c.Identity(), nil }),
	}
}

// half is a Receiver that sends half of a message.
type half struct{}

func (half) Commands() actors.Commands        { return nil }
func (half) Receive(from actors.Peer, _ JSON) { _ = from.Notify(JSON(`{"half`)) }

func v(json string) JSON { return JSON(`{"v":` + json + `}`) }

func TestWhatFails(t *testing.T) {
	for _, test := range []struct {
		name  string
		scene func(b *Broker, c *Client)
		want  string
	}{
		{
			"another result", func(_ *Broker, c *Client) { c.Call("s", "return", v("[1]")).Want([]int{2}) },
			"ann calls s.return {\"v\":[1]}\nanswer: [1]\nwanted: [2]",
		},
		{
			"another result of a backend", func(b *Broker, _ *Client) { b.Call("back", "return", v("1")).Want(2) },
			"the backend calls back.return {\"v\":1}\nanswer: 1\nwanted: 2",
		},
		{
			"an error instead of a result", func(_ *Broker, c *Client) { c.Call("s", "refuse", nil).Want(nil) },
			"ann calls s.refuse {}\nanswer: error \"Not joined\"\nwanted: null",
		},
		{
			"an error instead of data", func(_ *Broker, c *Client) { c.Call("s", "refuse", nil).Data(new(int)) },
			"ann calls s.refuse {}\nanswer: error \"Not joined\"\nwanted: a result",
		},
		{
			"a result instead of an error", func(_ *Broker, c *Client) { c.Call("s", "return", v("1")).WantError("Not joined") },
			"ann calls s.return {\"v\":1}\nanswer: 1\nwanted: error \"Not joined\"",
		},
		{
			"another error", func(_ *Broker, c *Client) { c.Call("s", "nope", nil).WantError("Not joined") },
			"ann calls s.nope {}\nanswer: error \"Unknown command\"\nwanted: error \"Not joined\"",
		},
		{
			"data of another type", func(_ *Broker, c *Client) { c.Call("s", "return", v("1")).Data(new(string)) },
			"ann calls s.return {\"v\":1}\nanswer: 1\nwhich is no *string: json: cannot unmarshal number into Go value of type string",
		},
		{
			"no message", func(_ *Broker, c *Client) { c.Next() },
			"bob connects\nann hears: nothing",
		},
		{
			"another message", func(b *Broker, c *Client) {
				c.Call("s", "notify", v("1"))
				c.Next().Want("s", 2)
			},
			"ann calls s.notify {\"v\":1}\nann hears: s: 1\nwanted: s: 2",
		},
		{
			"a message of another service", func(_ *Broker, c *Client) {
				c.Call("s", "notify", v("1"))
				c.Next().Want("other", 1)
			},
			"ann calls s.notify {\"v\":1}\nann hears: s: 1\nwanted: other: 1",
		},
		{
			"a message of another type", func(_ *Broker, c *Client) {
				c.Call("s", "notify", v("1"))
				c.Next().Decode(new(bool))
			},
			"ann calls s.notify {\"v\":1}\nann hears: s: 1\nwhich is no *bool: json: cannot unmarshal number into Go value of type bool",
		},
		{
			"a message too many", func(b *Broker, c *Client) {
				c.Call("s", "notify", v("1"))
				b.Client("cid")
				b.Quiet()
			},
			"cid connects\nann hears: s: 1\nwanted: nothing",
		},
		{
			"another order", func(_ *Broker, c *Client) {
				answer := c.Call("s", "notify", v("1"))
				c.WantOrder(answer, c.Next())
			},
			"ann calls s.notify {\"v\":1}\nann hears: s: 1\nbefore: {\"type\":\"response\",\"callId\":1,\"data\":null}",
		},
		{
			"what was heard by another", func(b *Broker, c *Client) { c.WantOrder(b.Call("back", "return", v("1"))) },
			"the backend calls back.return {\"v\":1}\nthis has not arrived at ann: {\"type\":\"response\",\"data\":1}",
		},
		{
			"a service that is not there", func(_ *Broker, c *Client) { c.Call("back", "return", nil) },
			"ann calls back.return {}\nbut there is no such service, only [\"mirror\" \"s\"]",
		},
		{
			"a service that is not there for backends", func(b *Broker, _ *Client) { b.Call("s", "return", nil) },
			"the backend calls s.return {}\nbut there is no such service, only [\"back\"]",
		},
		{
			"a backend that gets no answer", func(b *Broker, _ *Client) { b.Call("back", "never", nil) },
			"the backend calls back.never {}\nand gets no answer in 10m0s of the test's time",
		},
		{
			"a broker that ends before", func(b *Broker, _ *Client) {
				p := b.Start("back", "never", nil)
				b.Stop()
				p.Answer()
			},
			"the backend calls back.never {}\nand gets no answer: the broker has stopped",
		},
		{
			"a connection that ends before", func(_ *Broker, c *Client) {
				p := c.Start("s", "never", nil)
				c.Close()
				p.Answer()
			},
			"ann calls s.never {}\nand gets no answer: its connection has ended before",
		},
		{
			"a client that is gone", func(_ *Broker, c *Client) {
				c.Close()
				c.Send("s", 1)
			},
			"ann sends s 1\nbut ann has closed its connection",
		},
		{
			"a client that was made to go", func(b *Broker, c *Client) {
				b.Stop()
				c.Start("s", "return", nil)
			},
			"ann calls s.return {}\nbut its connection has ended: closed with code 1001",
		},
		{
			"a client that was made to go, and listens", func(b *Broker, c *Client) {
				b.Stop()
				c.Next()
			},
			"the broker stops\nann hears: nothing; its connection has ended: closed with code 1001",
		},
		{
			"a client that comes too late", func(b *Broker, _ *Client) {
				b.Stop()
				b.Client("cid")
			},
			"cid connects: the broker has stopped",
		},
		{
			"a name that is taken", func(b *Broker, _ *Client) { b.Client("ann") },
			"there is a client ann already",
		},
		{
			"a service that cannot be", func(b *Broker, _ *Client) { b.Frontend("s", &trial{}) },
			"registering s for clients: a service of this name is registered already: s",
		},
		{
			"a service for backends that cannot be", func(b *Broker, _ *Client) { b.Backend("", &trial{}) },
			"registering  for backends: a service needs a name",
		},
		{
			"what is no JSON", func(_ *Broker, c *Client) { c.Call("s", "return", JSON("{")) },
			"the test gives what is no JSON: not JSON: {",
		},
		{
			"what cannot be JSON", func(_ *Broker, c *Client) { c.Send("s", make(chan int)) },
			"the test gives what is no JSON: json: unsupported type: chan int: ",
		},
		{
			"an answer that is no JSON", func(_ *Broker, c *Client) { c.Call("s", "broken", nil) },
			"ann calls s.broken {}\nand gets no answer: the client hears what is no JSON: " +
				`{"service":"s","message":{"type":"response","callId":1,"data":{"half}}`,
		},
		{
			"a message that is no JSON", func(_ *Broker, c *Client) {
				c.Send("mirror", 1)
				c.Next().Want("mirror", 1)
			},
			"ann sends mirror 1\nann hears: no JSON: {\"service\":\"mirror\",\"message\":{\"half}\nwanted: mirror: 1",
		},
		{
			"a long answer", func(_ *Broker, c *Client) {
				c.Call("s", "return", v(`"`+strings.Repeat("é", 3000)+`"`)).WantError("x")
			},
			"ann calls s.return {\"v\":\"" + strings.Repeat("é", 997) + "... (6008 bytes)\nanswer: \"" +
				strings.Repeat("é", 999) + "... (6002 bytes)\nwanted: error \"x\"",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := failures(t, actors.Options{}, func(b *Broker) {
				b.Frontend("s", &trial{})
				b.Frontend("mirror", half{})
				b.Backend("back", &trial{})
				c := b.Client("ann")
				b.Client("bob")
				test.scene(b, c)
			})
			if !slices.Equal(got, []string{test.want}) {
				t.Errorf("failed with\n%q, not\n%q", got, test.want)
			}
		})
	}
}

func TestStepsThatFail(t *testing.T) {
	ok := Step{Who: "a", Call: "s.return", Params: `{"v":[9]}`, Want: "~kept"}
	for _, test := range []struct {
		name string
		step Step
		want string
	}{
		{
			"another result",
			Step{Who: "a", Call: "s.return", Params: `{"v":$kept}`, Want: "[8]"},
			"step 2: a calls s.return {\"v\":[9]}\nanswer: [9]\nwanted: [8]",
		},
		{
			"no result",
			Step{Who: "a", Call: "s.return", Params: `{"v":1}`},
			"step 2: a calls s.return {\"v\":1}\nanswer: 1\nwanted: null",
		},
		{
			"no error",
			Step{Who: "a", Call: "s.return", Params: `{"v":1}`, Want: "!Not joined"},
			"step 2: a calls s.return {\"v\":1}\nanswer: 1\nwanted: error \"Not joined\"",
		},
		{
			"an error",
			Step{Who: "a", Call: "s.refuse", Want: "~kept"},
			"step 2: a calls s.refuse {}\nanswer: error \"Not joined\"\nwanted: a result",
		},
		{
			"another message",
			Step{Who: "a", Call: "s.notify", Params: `{"v":1}`, Hear: Heard{"a": {"$kept"}}},
			"step 2: a calls s.notify {\"v\":1}\na hears: s: 1\nwanted: s: [9]",
		},
		{
			"a message that nobody expects",
			Step{Who: "b", Call: "s.notify", Params: `{"v":1}`},
			"step 2: b calls s.notify {\"v\":1}\nb hears: s: 1\nwanted: nothing",
		},
		{
			"an answer too early",
			Step{Who: "a", Call: "s.early", Params: `{"v":1}`, Want: "~x", Hear: Heard{"a": {"1"}}},
			"step 2: a calls s.early {\"v\":1}\na hears: {\"type\":\"response\",\"callId\":2,\"data\":\"too early\"}\nbefore: s: 1",
		},
		{
			"nothing",
			Step{Who: "backend", Call: "back.return", Params: `{"v":1}`, Want: "1", Hear: Heard{"a": {"1"}}},
			"step 2: the backend calls back.return {\"v\":1}\na hears: nothing",
		},
		{
			"nothing after a while",
			Step{Do: func(b *Broker) { b.Advance(time.Minute) }, Hear: Heard{"a": {"1"}}},
			"step 2: 1m0s pass\na hears: nothing",
		},
		{
			"no step",
			Step{Who: "a", Call: "leave"},
			"step 2: a does \"leave\", which is neither SERVICE.COMMAND nor close nor identify",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := failures(t, actors.Options{}, func(b *Broker) {
				b.Frontend("s", &trial{})
				b.Backend("back", &trial{})
				b.Play(ok, test.step)
			})
			if !slices.Equal(got, []string{test.want}) {
				t.Errorf("failed with\n%q, not\n%q", got, test.want)
			}
		})
	}
}

const childVariable = "ACTORSTEST_FAILING_CHILD"

// TestThatFails is what TestFailuresNameTheLine runs. By itself it does nothing.
func TestThatFails(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		return
	}
	t.Run("run", func(t *testing.T) {
		Run(t, actors.Options{}, func(t *testing.T, b *Broker) {
			b.Frontend("s", &trial{})
			b.Client("ann").Call("s", "return", v("1")).Want(2) // this is the line
		})
	})
	t.Run("panic", func(t *testing.T) {
		Run(t, actors.Options{}, func(t *testing.T, b *Broker) {
			b.Frontend("s", &trial{})
			b.Backend("back", &trial{})
			b.Call("back", "panic", nil).Want(nil) // this is the line
		})
	})
	t.Run("steps", func(t *testing.T) {
		Run(t, actors.Options{}, func(t *testing.T, b *Broker) {
			b.Frontend("s", &trial{})
			b.Play(Step{Who: "bob", Call: "s.return", Params: `{"v":1}`}) // this is the line
		})
	})
	t.Run("play", func(t *testing.T) {
		Play(t, func(_ *testing.T, b *Broker) { b.Frontend("s", &trial{}) }, // this is the line
			Step{Who: "cid", Call: "s.return", Params: `{"v":1}`})
	})
}

func TestFailuresNameTheLine(t *testing.T) {
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestThatFails$")
	child.Env = append(os.Environ(), childVariable+"=yes")
	out, err := child.CombinedOutput()
	if err == nil {
		t.Errorf("the test did not fail:\n%s", out)
	}
	source, err := os.ReadFile("failing_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for i, line := range strings.Split(string(source), "\n") {
		if strings.HasSuffix(line, "// this is the line") {
			lines = append(lines, i+1)
		}
	}
	for i, failure := range []string{
		"ann calls s.return", "the backend calls back.panic", "step 1: bob calls s.return", "step 1: cid calls s.return",
	} {
		if want := fmt.Sprintf("failing_test.go:%d: %s", lines[i], failure); !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	// The log of the service says why, and its stack where.
	for _, want := range []string{"ERR panic in a service panic=ouch service=back\n", "actorstest.(*trial).Commands.func"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
