package services_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
)

func answered(n int) string {
	return `{"type":"response","data":` + results(slices.Repeat([]string{isPublished}, n)...) + `}`
}

// What fits into a request of 1 MiB is published in order, be they few and long or many and short.
func TestLargeBatches(t *testing.T) {
	for _, c := range []struct {
		name string
		pad  string
		many int
	}{
		{"messages", strings.Repeat("ü", 45), 10_000},
		{"numbers", "", 40_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAudience(t, actors.Options{Loops: 2, MaxQueuedBytes: 1 << 30})
				defer a.end()
				for range 3 {
					a.listen(true, `"c"`)
				}
				messages, channels := make([]string, c.many), make([]string, c.many)
				want := make([]string, c.many)
				for i := range c.many {
					messages[i] = fmt.Sprint(i)
					if c.pad != "" {
						messages[i] = fmt.Sprintf(`[%d,"%s"]`, i, c.pad)
					}
					channels[i] = `"c"`
					want[i] = news(`"c"`, messages[i])
				}
				batch := `{"channel":"c","messages":[` + strings.Join(messages, ",") + `]}`
				if len(batch) > 1<<20 || len(batch) < 1<<17 {
					t.Fatalf("%d bytes", len(batch))
				}
				if got := a.call("publishMany", batch); got != answered(c.many) {
					t.Errorf("answered %.200s", got)
				}
				if got := a.call("broadcast", `{"channels":[`+strings.Join(channels, ",")+`],"message":"all"}`); got != answered(c.many) {
					t.Errorf("answered %.200s", got)
				}
				synctest.Wait()
				for _, l := range a.listeners {
					got := l.messages()
					if len(got) != 2*c.many || !slices.Equal(got[:c.many], want) {
						t.Fatalf("%d messages arrived, or not in order", len(got))
					}
					for _, message := range got[c.many:] {
						if message != `{"type":"message","message":"all","channel":"c"}` {
							t.Fatalf("got %s", message)
						}
					}
				}
			})
		})
	}
}

// Many backends publish in every way at once. All subscribers hear one and the same order, in which what each backend
// published is in the order of its calls.
func TestBatchesOfManyPublishers(t *testing.T) {
	const publishers, rounds, size = 6, 30, 20
	synctest.Test(t, func(t *testing.T) {
		a := newAudience(t, actors.Options{Loops: 3, MaxQueuedBytes: 1 << 30})
		defer a.end()
		for range 5 {
			a.listen(true, "1")
		}
		var all sync.WaitGroup
		for p := range publishers {
			all.Go(func() {
				next := 0
				message := func() string { next++; return fmt.Sprintf("[%d,%d]", p, next) }
				for range rounds {
					var messages []string
					for range size {
						messages = append(messages, message())
					}
					if got := a.call("publishMany", `{"channel":1,"messages":[`+strings.Join(messages, ",")+`]}`); got != answered(size) {
						t.Errorf("answered %s", got)
					}
					a.call("publish", `{"channel":1,"message":`+message()+`}`)
					a.call("broadcast", `{"channels":[1,2],"message":`+message()+`}`)
				}
			})
		}
		all.Wait()
		synctest.Wait()
		first := a.listeners[0].messages()
		if len(first) != publishers*rounds*(size+2) {
			t.Errorf("%d messages arrived", len(first))
		}
		var last [publishers]int
		for _, content := range first {
			var n struct{ Message [2]int }
			if err := json.Unmarshal([]byte(content), &n); err != nil {
				t.Fatal(err)
			}
			p, i := n.Message[0], n.Message[1]
			if i != last[p]+1 {
				t.Fatalf("publication %d of %d comes after %d", i, p, last[p])
			}
			last[p] = i
		}
		for i, l := range a.listeners {
			if !slices.Equal(l.messages(), first) {
				t.Errorf("subscriber %d hears another order", i)
			}
		}
	})
}

// brake is a service that holds up a loop, as no service should.
type brake struct{ release chan struct{} }

func (b brake) Commands() actors.Commands {
	return actors.Commands{"hold": actors.Direct(func(*actors.Call, actors.NoParams) (any, error) {
		<-b.release
		return nil, nil
	})}
}

// A batch that leaves more to send out than the bound is answered when it has gone out, however it got there.
func TestBatchesWaitForTheirChannels(t *testing.T) {
	const bound = 1000
	for _, c := range []struct {
		name, command, params string
		items                 int
		waits                 bool
	}{
		{"little", "publishMany", `{"channel":1,"messages":[1,2,3]}`, 3, false},
		{"many", "publishMany", `{"channel":1,"messages":[` + strings.Repeat("1,", 99) + `1]}`, 100, true},
		{"large", "publishMany", `{"channel":1,"messages":["` + strings.Repeat("x", 2*bound) + `",2]}`, 2, true},
		{"one channel many times", "broadcast", `{"channels":[` + strings.Repeat("1,", 99) + `1],"message":1}`, 100, true},
		{"many channels", "broadcast", `{"channels":[1,2,3],"message":"` + strings.Repeat("x", bound/2) + `"}`, 3, false},
		{"nobody's channel", "publishMany", `{"channel":4,"messages":[` + strings.Repeat("1,", 99) + `1]}`, 100, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAudience(t, actors.Options{Loops: 1, MaxBacklogBytes: bound})
				defer a.end()
				b := brake{make(chan struct{})}
				if err := a.broker.Frontend().Register("brake", b); err != nil {
					t.Fatal(err)
				}
				l := a.listen(true, "1", "2", "3")
				braking := newListener(t, false, `{"service":"brake","message":{"command":"hold","params":{}}}`)
				a.listeners = append(a.listeners, braking)
				if err := a.broker.Attach(actors.Attachment{Conn: braking, Door: textLines{}}); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()

				answer := make(chan string, 1)
				go func() { answer <- a.call(c.command, c.params) }()
				synctest.Wait()
				if waits := len(answer) == 0; waits != c.waits {
					t.Errorf("the answer waits: %v", waits)
				}
				close(b.release)
				if got := <-answer; got != answered(c.items) {
					t.Errorf("answered %s", got)
				}
				synctest.Wait()
				if got := len(l.messages()); got != c.items && c.name != "nobody's channel" {
					t.Errorf("%d messages arrived", got)
				}
			})
		})
	}
}

// A connection may have the commands, too, where somebody registers them so. Its answer then waits until everybody has
// everything, as after publish.
func TestBatchesOfAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAudience(t, actors.Options{Loops: 2})
		defer a.end()
		p := services.NewPubSub(services.Nobody)
		for name, s := range map[string]actors.Service{"q": p, "open": services.NewPubSubBackend(p)} {
			if err := a.broker.Frontend().Register(name, s); err != nil {
				t.Fatal(err)
			}
		}
		l := newListener(
			t, true,
			`{"service":"q","message":{"command":"subscribe","params":{"channel":1}}}`,
			`{"service":"open","message":{"command":"publishMany","params":{"channel":1,"messages":[1,2]},"callId":"first"}}`,
			`{"service":"open","message":{"command":"broadcast","params":{"channels":[1,1],"message":3},"callId":"second"}}`,
		)
		a.listeners = append(a.listeners, l)
		if err := a.broker.Attach(actors.Attachment{Conn: l, Door: textLines{}}); err != nil {
			t.Fatal(err)
		}
		l.wait(7)
		third := `{"type":"message","message":3,"channel":1}`
		want := []string{
			`{"type":"response","data":null}`, news("1", "1"), news("1", "2"),
			`{"type":"response","callId":"first","data":` + results(isPublished, isPublished) + `}`, third, third,
			`{"type":"response","callId":"second","data":` + results(isPublished, isPublished) + `}`,
		}
		if !slices.Equal(l.heard, want) {
			t.Errorf("heard %q", l.heard)
		}
	})
}
