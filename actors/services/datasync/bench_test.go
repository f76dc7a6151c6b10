package datasync_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/services/datasync"
)

// deltasAtOnce is how many deltas a call of these benchmarks publishes.
const deltasAtOnce = 50

// items authorizes many items, in calls of a size that a backend takes, and returns the tokens.
func (s *stage) items(n int, dealer, query string) (tokens []string) {
	for from := 0; from < n; from += 5000 {
		var items []string
		for i := from; i < min(n, from+5000); i++ {
			items = append(items, item(dealer, fmt.Sprintf(query, i, i+1)))
		}
		tokens = append(tokens, s.authorize(items...))
	}
	return tokens
}

// BenchmarkDelta publishes deltas of which each matches one of many items, through the whole of the broker. "asked" is a
// filter dealer whose items are asked one by one, as those of a dealer in Go are that is no Keyer.
func BenchmarkDelta(b *testing.B) {
	asked := renamed{datasync.Filter("", "Task"), "asked"}
	for _, test := range []struct {
		name, query, data string
		dealer            datasync.Dealer
		most              int
	}{
		{"equality", `["==","user",%[1]d]`, `{"id":7,"user":%d,"text":"what there is to do"}`, datasync.Filter("d", "Task"), 100_000},
		{"range", `["and",[">=","user",%[1]d],["<","user",%[2]d]]`, `{"id":7,"user":%d.5,"text":"what there is to do"}`, datasync.Filter("d", "Task"), 100_000},
		{"key", `%[1]d`, `{"id":7,"user":%d,"text":"what there is to do"}`, datasync.KeyField("d", "Task", "user"), 100_000},
		{"asked", `["==","user",%[1]d]`, `{"id":7,"user":%d,"text":"what there is to do"}`, renamed{asked, "d"}, 10_000},
	} {
		for _, n := range []int{100, 10_000, 100_000} {
			if n > test.most {
				continue
			}
			b.Run(fmt.Sprintf("%s/items=%d", test.name, n), func(b *testing.B) {
				s := newStage(b, datasync.Options{}, test.dealer)
				defer s.end()
				v := s.visit(false)
				tokens := s.items(n, "d", test.query)
				for _, token := range tokens {
					v.says <- `{"service":"sync","message":{"command":"acquireSubscription","params":{"token":` + token + `}}}`
				}
				v.await(func(number int, _ []string) bool { return number == len(tokens) })
				deltas := make([]string, deltasAtOnce)
				for i := range deltas {
					deltas[i] = insert(fmt.Sprintf(test.data, i*n/deltasAtOnce))
				}
				b.ReportAllocs()
				rounds := 0
				for b.Loop() {
					s.publish(deltas...)
					rounds++
				}
				v.await(func(number int, _ []string) bool { return number >= len(tokens)+rounds*deltasAtOnce })
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rounds*deltasAtOnce), "ns/delta")
			})
		}
	}
}

// BenchmarkBroadcast publishes deltas that everybody gets.
func BenchmarkBroadcast(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("subscribers=%d", n), func(b *testing.B) {
			s := newStage(b, datasync.Options{}, datasync.Broadcast("all", "Task"))
			defer s.end()
			for range n {
				v := s.visit(false)
				v.says <- `{"service":"sync","message":{"command":"acquireSubscription","params":{"token":` + s.authorize(item("all", "0")) + `}}}`
				v.await(func(number int, _ []string) bool { return number == 1 })
			}
			rounds := 0
			b.ReportAllocs()
			for b.Loop() {
				s.publish(insert(`{"id":7,"text":"what there is to do"}`))
				rounds++
			}
			for _, v := range s.visitors {
				v.await(func(number int, _ []string) bool { return number == 1+rounds })
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rounds*n), "ns/delivery")
		})
	}
}

// BenchmarkSustained publishes 1,000 deltas a second to 10,000 filters of 1,000 clients, of which each delta matches ten,
// for as many seconds as there are rounds. It logs what each second came to: "late" is how far the publisher has fallen
// behind its schedule, "on their way" what was matched and has not reached its client. Neither may grow.
func BenchmarkSustained(b *testing.B) {
	const (
		clients, each = 1000, 10
		tick          = 10 * time.Millisecond
		perTick       = 10
		values        = clients * each / 10
	)
	s := newStage(b, datasync.Options{}, datasync.Filter("some", "Task"))
	defer s.end()
	for c := range clients {
		var items []string
		for i := range each {
			items = append(items, item("some", fmt.Sprintf(`["and",["==","user",%d],[">","n",%d]]`, (c*each+i)%values, i-10)))
		}
		v := s.visit(false)
		v.says <- `{"service":"sync","message":{"command":"acquireSubscription","params":{"token":` + s.authorize(items...) + `}}}`
		v.await(func(number int, _ []string) bool { return number == 1 })
	}
	delivered := func() (n int) {
		for _, v := range s.visitors {
			v.mu.Lock()
			n += v.number - 1
			v.mu.Unlock()
		}
		return n
	}
	text := strings.Repeat("x", 100)
	published := 0
	begin, usedBefore := time.Now(), processorTime()
	var latest time.Duration
	var seconds []string
	for b.Loop() {
		var late time.Duration
		for range time.Second / tick {
			due := begin.Add(time.Duration(published/perTick) * tick) // whoever is late catches up
			if wait := time.Until(due); wait > 0 {
				<-time.After(wait)
			}
			var deltas []string
			for range perTick {
				deltas = append(deltas, insert(fmt.Sprintf(`{"user":%d,"n":1,"text":%q}`, published*7%values, text)))
				published++
			}
			s.publish(deltas...)
			late = max(late, time.Since(due))
		}
		got := delivered()
		latest = max(latest, late)
		seconds = append(seconds, fmt.Sprintf("%d deltas, %d delivered, %d on their way, %v late at most",
			published, got, published*10-got, late.Round(time.Millisecond)))
	}
	for i := range min(len(seconds), 8) {
		b.Log(seconds[i*len(seconds)/min(len(seconds), 8)])
	}
	b.StopTimer()
	took, used := time.Since(begin), processorTime()-usedBefore
	for _, v := range s.visitors {
		v.await(func(number int, _ []string) bool { return number >= published*10/clients })
	}
	b.ReportMetric(float64(published*10)/took.Seconds(), "deliveries/s")
	b.ReportMetric(100*used.Seconds()/took.Seconds(), "cpu-%")
	b.ReportMetric(float64(latest.Milliseconds()), "ms-late")
}
