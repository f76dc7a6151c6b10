package actors

import "testing"

// Allocations are exact where times are not, so this is where a regression of the hot paths shows. Whoever changes one
// of the figures for good changes it here; a memory profile of the benchmark named beside it, with -memprofilerate 1,
// tells what each allocation is.
func TestAllocations(t *testing.T) {
	for _, test := range []struct {
		name    string
		want    float64
		prepare func(*testing.T) (run func())
	}{
		// BenchmarkDelivery
		{"5000 deliveries", 0, func(t *testing.T) func() {
			c := crowdOn(t, Options{}, 5000)
			p := c.endless()
			return c.runner(func() { c.fanOut(p, 5000) })
		}},

		// BenchmarkPublishOne: the call, its parameters, the key of the channel, the content of the answer and room for the
		// callId in it; with subscribers also the frame and the publication that carries it.
		{"a publication by the backend for nobody", 5, func(t *testing.T) func() {
			return newLoopCrowd(t, Options{Loops: 1}).call
		}},
		{"a publication by the backend for one subscriber", 7, publishTo(1)},
		{"a publication by the backend for 5000 subscribers", 7, publishTo(5000)},

		// BenchmarkIncomingRequest: the call, its parameters, the key of the channel, the frame of the answer and its place
		// in what waits to be sent.
		{"a request of a client", 5, func(t *testing.T) func() {
			c := newLoopCrowd(t, Options{Loops: 1})
			conn := c.attachPlain(&nowhere{})
			return c.runner(func() {
				conn.received(clientPublish)
				conn.loop.flush()
			})
		}},

		// BenchmarkSubscribeUnsubscribe: five for each request as above. The first has a joining, what holds publications
		// back and for which leaf, a copy of the answer, and a place in the list of the leaf; the second a departure.
		{"subscribing to a channel that is there, and leaving", 16, subscribing(true)},
		// The channel and its leaf are two more actors: themselves, seven of protoactor's for each, room for their first
		// messages, the channel's list of leaves, and its place among the channels.
		{"subscribing to a new channel, and leaving", 35 + raceAllocations(2), subscribing(false)},

		// BenchmarkPing: a place in what waits to be sent, for each.
		{"pings to 200 clients", 200, func(t *testing.T) func() {
			c := crowdOn(t, Options{}, 200)
			return c.runner(c.pingAll)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			expectAllocations(t, test.want, test.prepare(t))
		})
	}
}

// expectAllocations may find fewer: on a busy machine a loop has sometimes not gone to sleep when it is woken. What the
// race detector watches takes a hundred times as long, so it is done less often then.
func expectAllocations(t *testing.T, most float64, run func()) {
	t.Helper()
	runs := 1000
	if raced {
		runs = 100
	}
	for range runs / 3 { // fill what is used again
		run()
	}
	if got := testing.AllocsPerRun(runs, run); got > most {
		t.Errorf("%v allocations, not %v", got, most)
	}
}

// raceAllocations is n if the race detector watches.
func raceAllocations(n float64) float64 {
	if raced {
		return n
	}
	return 0
}

// runner returns what runs an errand on the only loop, without allocations of its own.
func (c *crowd) runner(e errand) (run func()) {
	done := make(chan struct{})
	and := errand(func() {
		e()
		done <- struct{}{}
	})
	l := c.broker.loops[0]
	return func() {
		l.schedule(and)
		<-done
	}
}

func publishTo(subscribers int) func(*testing.T) func() {
	return func(t *testing.T) func() {
		c := crowdOn(t, Options{}, subscribers)
		turn := c.runner(func() {})
		return func() {
			for c.call(); c.broker.publications.Load().n.Load() > 0; {
				turn()
			}
		}
	}
}

// call publishes once on behalf of the backend.
func (c *crowd) call() {
	if _, err := c.broker.Call(c.tb.Context(), "board_backend", publishCall); err != nil {
		c.tb.Fatal(err)
	}
}

func subscribing(shared bool) func(*testing.T) func() {
	return func(t *testing.T) func() {
		c := crowdOn(t, Options{}, 1)
		run, turn := c.regulars(1, shared), c.runner(func() {})
		return func() {
			run(1)
			for range 4 { // the departure goes its way, and takes the channel along
				turn()
			}
			for c.broker.Stats().Channels > 1 {
				turn()
			}
		}
	}
}
