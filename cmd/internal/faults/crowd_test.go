package faults_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// pipeline posts n bodies on one connection, while it reads the answers.
func pipeline(t *testing.T, s *site, n int, body func(int) string) {
	t.Helper()
	conn := connect(t, s.back)
	defer conn.Close()
	sent := make(chan error, 1)
	go func() {
		to := bufio.NewWriterSize(conn, 64<<10)
		for i := range n {
			_, _ = to.WriteString(post("", body(i)))
		}
		sent <- to.Flush()
	}()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	answers := bufio.NewReader(conn)
	for i := range n {
		response, err := http.ReadResponse(answers, nil)
		must(t, err)
		_, _ = io.Copy(io.Discard, response.Body)
		if response.StatusCode != http.StatusOK {
			t.Fatalf("publication %d: %s", i, response.Status)
		}
	}
	must(t, <-sent)
}

// Storms of clients that go without a word and come back at once: nobody is refused, everybody is served afterwards.
// The crowd is as large as a small machine connects in a moment.
func TestReconnectStorms(t *testing.T) {
	t.Parallel()
	s := boot(t, unchanged)
	const crowd = 300
	before := s.broker.Stats()
	for storm := range 3 {
		clients := make([]*socket, crowd)
		for i := range clients {
			clients[i] = s.dial(t)
			clients[i].subscribe("pubsub", "crowd")
		}
		s.publish(t, "pubsub_backend", "crowd", storm)
		for _, c := range clients {
			c.expect(publication(`"crowd"`, fmt.Sprint(storm)))
			reset(c.conn)
		}
	}
	s.well(t)
	eventually(t, "nothing is left of the crowd", func() bool { return s.broker.Stats() == before })
}

// Clients that leave in the middle of subscribing, while others publish to the same channel, do not break it; and a
// channel that is busy delays no other.
func TestLeavingWhileSubscribing(t *testing.T) {
	t.Parallel()
	ways(t, unchanged, func(t *testing.T, s *site) {
		before := s.broker.Stats()
		stop := make(chan struct{})
		var publishers sync.WaitGroup
		for range 2 {
			publishers.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
						if err := s.publisher.Publish(t.Context(), "pubsub_backend", "hot", strings.Repeat("x", 1000)); err != nil {
							t.Errorf("publication %d: %v", i, err)
							return
						}
					}
				}
			})
		}
		subscribing := frame(text, request("pubsub", "subscribe", `{"channel":"hot"}`, "1"))
		for i := range 300 {
			c := s.dial(t)
			c.raw(subscribing[:len(subscribing)-i%2])
			reset(c.conn)
		}
		s.well(t) // a cold channel next to the hot one
		close(stop)
		publishers.Wait()
		last := s.dial(t)
		last.subscribe("pubsub", "hot")
		s.publish(t, "pubsub_backend", "hot", "works")
		last.expect(publication(`"hot"`, `"works"`))
		reset(last.conn)
		eventually(t, "nothing is left of those who went", func() bool { return s.broker.Stats() == before })
	})
}

// What eight publish at once, some as clients and some as backends, reaches everybody once and in each one's order.
func TestManyPublishers(t *testing.T) {
	t.Parallel()
	ways(t, unchanged, func(t *testing.T, s *site) {
		const publishers, each = 8, 200
		readers := []*socket{s.dial(t), s.dial(t)}
		for _, c := range readers {
			c.subscribe("pubsub", "busy")
		}
		var done sync.WaitGroup
		var clients []*socket
		for p := range publishers {
			message := func(i int) string { return fmt.Sprintf("[%d,%d]", p, i) }
			if p%2 == 0 {
				done.Go(func() {
					for i := range each {
						if err := s.publisher.Publish(t.Context(), "pubsub_backend", "busy", []int{p, i}); err != nil {
							t.Errorf("publication %s: %v", message(i), err)
						}
					}
				})
				continue
			}
			c := s.dial(t)
			clients = append(clients, c)
			var all []byte
			for i := range each {
				all = append(all, frame(text, request("pubsub", "publish", `{"channel":"busy","message":`+message(i)+`}`, fmt.Sprint(i)))...)
			}
			done.Go(func() { c.raw(all) })
		}
		for _, c := range readers {
			var seen [publishers]int
			for range publishers * each {
				var p, i int
				_, after, _ := strings.Cut(string(c.next()), `"message":[`)
				if _, err := fmt.Sscanf(after, "%d,%d]", &p, &i); err != nil || i != seen[p] {
					t.Fatalf("message %d of publisher %d came when %d was due (%v)", i, p, seen[p], err)
				}
				seen[p]++
			}
		}
		done.Wait()
		for _, c := range clients {
			for i := range each {
				c.expect(response("pubsub", fmt.Sprint(i)))
			}
		}
		s.publish(t, "pubsub_backend", "busy", "end")
		for _, c := range readers {
			c.expect(publication(`"busy"`, `"end"`)) // nothing came twice
		}
	})
}
