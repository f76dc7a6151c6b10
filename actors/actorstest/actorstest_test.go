package actorstest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

func TestValuesAreComparedExactly(t *testing.T) {
	long := `"` + strings.Repeat("x", wire.MaxKeyBytes) + `"`
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"1", "1.0", true},
		{"1", "10e-1", true},
		{"1", "true", false},
		{"0", "false", false},
		{"null", "0", false},
		{`"1"`, "1", false},
		{"9007199254740992", "9007199254740993", false},
		{"1e400", "1e401", false},
		{"1e400", "10e399", true},
		{`{"a":1,"b":[2,{}]}`, ` {"b": [2.0, {}], "a": 1}`, true},
		{`{"a":1}`, `{"a":1,"b":null}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`"é"`, `"\u00e9"`, true},
		{`"\ud800"`, `"\ud801"`, false},
		{long, long, true},
		{long, long + " ", false},
		{"1", long, false},
	} {
		for _, pair := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
			if got := same([]byte(pair[0]), []byte(pair[1])); got != test.same {
				t.Errorf("%.30s and %.30s: the same: %v", pair[0], pair[1], got)
			}
		}
	}
}

func TestParamsAndResults(t *testing.T) {
	Run(t, actors.Options{}, func(t *testing.T, b *Broker) {
		b.Frontend("s", &trial{})
		b.Backend("back", &trial{})
		c := b.Client("ann")
		type params struct {
			V string `json:"v"`
		}
		c.Call("s", "return", params{"<&>"}).Want("<&>")
		c.Call("s", "return", JSON("{\n\t\"v\": 12345678901234567890\n}")).Want(JSON("12345678901234567890"))
		b.Call("back", "return", map[string]any{"v": nil}).Want(nil)
		var list []int
		c.Call("s", "return", v("[1,2]")).Data(&list)
		if len(list) != 2 || list[1] != 2 {
			t.Errorf("the result is %v", list)
		}
		a := c.Call("s", "refuse", nil)
		a.WantError(wire.ErrNotJoined.Text)
		if a.ErrorText() != "Not joined" || c.Call("s", "return", v("1")).ErrorText() != "" {
			t.Errorf("%s has the error %q", a, a.ErrorText())
		}
		c.Call("s", "notify", params{"x"})
		var heard string
		if c.Next().Decode(&heard); heard != "x" {
			t.Errorf("heard %q", heard)
		}
	})
}

// What is larger than a read of the broker or a small frame comes through in both directions.
func TestLargeContents(t *testing.T) {
	Run(t, actors.Options{}, func(_ *testing.T, b *Broker) {
		b.Frontend("s", &trial{})
		c := b.Client("ann")
		for _, size := range []int{100, 126, 1000, 0xffff, 300_000} {
			text := strings.Repeat("x", size)
			notify := c.Start("s", "notify", map[string]string{"v": text})
			c.Start("s", "return", map[string]string{"v": text}).Answer().Want(text)
			notify.Answer().Want(nil)
			c.Next().Want("s", text)
		}
	})
}

func TestIdentities(t *testing.T) {
	Run(t, actors.Options{}, func(t *testing.T, b *Broker) {
		b.Frontend("s", &trial{})
		ann, bob := b.Client("ann").Identify("ann"), b.Client("bob").Identify(map[string]int{"id": 2})
		ann.Call("s", "who", nil).Want("ann")
		bob.Call("s", "who", nil).Want(JSON(`{"id":2}`))
		ann.Identify(nil).Call("s", "who", nil).Want(nil)
		cid := b.ClientAs("cid", actors.Principal{Identity: JSON("3"), Expires: time.Now().Add(time.Minute)})
		cid.Call("s", "who", nil).Want(3)
		b.Advance(2 * time.Minute)
		if how := cid.conn.ending(); how != "closed with code "+strconv.Itoa(int(wire.CloseExpired)) {
			t.Errorf("the connection of an expired principal is %q", how)
		}
	})
}

func TestTime(t *testing.T) {
	Run(t, actors.Options{}, func(t *testing.T, b *Broker) {
		b.Frontend("s", &trial{})
		b.Backend("back", &trial{})
		c := b.Client("ann")
		start := time.Now()
		passed := func(want time.Duration) {
			t.Helper()
			if got := time.Since(start).Truncate(time.Second); got != want {
				t.Errorf("%v have passed, not %v", got, want)
			}
		}
		p := c.Start("s", "later", nil)
		if p.Done() {
			t.Error("answered at once")
		}
		passed(0)
		b.Advance(time.Second)
		if !p.Done() {
			t.Error("not answered in time")
		}
		p.Answer().Want("at last")
		b.Call("back", "later", nil).Want("at last")
		passed(2 * time.Second)
		c.Call("s", "never", nil).WantError("Internal error") // the CallTimeout of the broker
		b.Advance(3 * time.Minute)
		c.Call("s", "return", v("1")).Want(1) // pings have been answered
	})
}

func TestClientsThatGo(t *testing.T) {
	Run(t, actors.Options{}, func(t *testing.T, b *Broker) {
		b.Frontend("s", &trial{})
		c := b.Client("ann")
		c.Start("s", "notify", v("1"))
		c.Close()
		c.Close()
		if n := b.Stats().Connections; n != 0 {
			t.Errorf("%d connections", n)
		}
		b.Client("ann").Quiet() // another one of that name
	})
}

type stopper struct {
	trial
	stopped bool
}

func (s *stopper) Stop() { s.stopped = true }

func TestTheBrokerStops(t *testing.T) {
	Run(t, actors.Options{}, func(t *testing.T, b *Broker) {
		s := &stopper{}
		b.Frontend("s", s)
		b.Client("ann")
		b.Stop()
		if !s.stopped {
			t.Error("the service was not stopped")
		}
		b.Stop()
	})
}

type mirror struct{}

func (mirror) Commands() actors.Commands              { return nil }
func (mirror) Receive(from actors.Peer, message JSON) { _ = from.Notify(message) }

func TestReceivers(t *testing.T) {
	Run(t, actors.Options{}, func(t *testing.T, b *Broker) {
		b.Frontend("mirror", mirror{})
		c := b.Client("ann")
		c.Send("mirror", JSON(`{"type":"response","callId":1}`)) // no answer, though it looks like one
		c.Send("mirror", "x")
		first, second := c.Next(), c.Next()
		first.Want("mirror", map[string]any{"type": "response", "callId": 1})
		second.Want("mirror", "x")
		c.WantOrder(first, second)
		b.Wait()
		c.Quiet()
	})
}

func TestDollarsInSteps(t *testing.T) {
	Play(t, func(_ *testing.T, b *Broker) { b.Frontend("s", &trial{}) },
		Step{Who: "a", Call: "s.return", Params: `{"v":1}`, Want: "~n"},
		Step{Who: "a", Call: "s.return", Params: `{"v":[2]}`, Want: "~nn"},
		Step{Who: "a", Call: "s.return", Params: `{"v":[$n,$nn,"$5","$x"]}`, Want: `[1,[2],"$5","$x"]`},
		Step{Who: "a", Call: "identify", Params: `"$n$"`},
		Step{Who: "a", Call: "s.who", Want: `"1$"`},
		Step{Who: "a", Call: "identify"},
		Step{Who: "a", Call: "s.who"},
	)
}
