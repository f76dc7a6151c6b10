package actors

import (
	"encoding/json"
	"strings"
	"testing"
)

// tally counts what is written to all of its sockets together, and calls at on one of the writes. Everything runs on one
// loop.
type tally struct {
	writes int
	bytes  int
	on     int
	at     func()
}

// counted is a socket of a tally.
type counted struct {
	nowhere
	tally *tally
}

func (s *counted) writeOne(b []byte) (int, error) {
	t := s.tally
	t.bytes += len(b)
	if t.writes++; t.writes == t.on {
		t.at()
	}
	return len(b), nil
}

func (s *counted) write(buffers [][]byte) (int, error) { return s.writeOne(buffers[0]) }

// late is a socket that notes how far a tally was when it was written to.
type late struct {
	nowhere
	tally  *tally
	writes int
	bytes  int
	done   chan struct{}
}

func (s *late) writeOne(b []byte) (int, error) {
	s.writes, s.bytes = s.tally.writes, s.tally.bytes
	close(s.done)
	return len(b), nil
}

// A publication to a quiet channel, which comes while a busy channel of the same loop is in the middle of its
// subscribers, waits for the rest of one step and for one more, however many subscribers and messages there are.
func TestQuietChannelWaitsForTwoSteps(t *testing.T) {
	const subscribers, on = 6 * fanOutStep, fanOutStep / 2
	for name, message := range map[string]string{
		"small messages": `"small"`,
		"large messages": `"` + strings.Repeat("large", 5000) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			c := newLoopCrowd(t, Options{Loops: 1})
			l := c.broker.loops[0]
			busy := &tally{on: on}
			quiet := &late{tally: busy, done: make(chan struct{})}
			for range subscribers {
				c.subscribe(c.attach(l, &counted{tally: busy}), channelName)
			}
			c.subscribe(c.attach(l, quiet), json.RawMessage(`"quiet"`))
			c.await(subscribers + 1)
			before := 0
			busy.at = func() {
				before = busy.bytes
				if err := c.board.channels.Publish(nil, json.RawMessage(`"quiet"`), []byte(`1`)); err != nil {
					t.Error(err)
				}
			}
			release := hold(l)
			for range 50 {
				if err := c.board.channels.Publish(nil, channelName, []byte(message)); err != nil {
					t.Fatal(err)
				}
			}
			release()
			<-quiet.done
			c.delivered()
			if waited := quiet.writes - on; waited > 2*fanOutStep {
				t.Errorf("%d writes came before", waited)
			}
			t.Logf("%d writes of %d bytes came before", quiet.writes-on, quiet.bytes-before)
		})
	}
}

// Many busy channels get their turns one after the other, and a quiet one between them.
func TestBusyChannelsTakeTurns(t *testing.T) {
	const channels, subscribers = 20, 2 * fanOutStep
	c := newLoopCrowd(t, Options{Loops: 1})
	l := c.broker.loops[0]
	all := &tally{}
	tallies := make([]*tally, channels)
	for i, name := range numbers(channels) {
		tallies[i] = &tally{}
		for range subscribers {
			c.subscribe(c.attach(l, &both{counted{tally: tallies[i]}, all}), name)
		}
	}
	c.await(channels * subscribers)
	spread := 0 // between the channel that is farthest and the one that is least far, in writes
	all.on = 1
	all.at = func() {
		all.on++
		least, most := subscribers, 0
		for _, one := range tallies {
			least, most = min(least, one.writes), max(most, one.writes)
		}
		spread = max(spread, most-least)
	}
	release := hold(l)
	for _, name := range numbers(channels) {
		if err := c.board.channels.Publish(nil, name, []byte(`1`)); err != nil {
			t.Fatal(err)
		}
	}
	release()
	c.delivered()
	c.settleAll()
	if all.writes != channels*subscribers {
		t.Errorf("%d writes", all.writes)
	}
	if spread > fanOutStep {
		t.Errorf("one channel was %d writes ahead of another one", spread)
	}
}

// both is a socket of two tallies.
type both struct {
	counted
	all *tally
}

func (s *both) writeOne(b []byte) (int, error) {
	n, err := s.counted.writeOne(b)
	if s.all.writes++; s.all.writes == s.all.on {
		s.all.at()
	}
	return n, err
}
