package faults_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// authorize has the backend open a subscription.
func (p *program) authorize(t *testing.T, dealer, query string) (token string) {
	t.Helper()
	answer, err := p.publisher.Call(t.Context(), "datasync_backend", "authorizeSubscription",
		map[string]any{"items": []any{map[string]any{"dealer": dealer, "query": json.RawMessage(query)}}})
	must(t, err)
	must(t, json.Unmarshal(answer, &token))
	return token
}

func (p *program) insert(t *testing.T, data ...string) {
	t.Helper()
	deltas := make([]json.RawMessage, len(data))
	for i, d := range data {
		deltas[i] = json.RawMessage(`{"type":"insert","model":"Task","data":` + d + `}`)
	}
	_, err := p.publisher.Call(t.Context(), "datasync_backend", "publishDeltas", map[string]any{"deltas": deltas})
	must(t, err)
}

func acquisition(token string) string { return fmt.Sprintf(`{"token":%q}`, token) }

func inserted(data string) string {
	return `{"service":"datasync","message":{"type":"delta","delta":{"type":"insert","model":"Task","data":` + data + `}}}`
}

// FAULTS 56, 58 and 62: a crowd of subscriptions, some of whose clients do not read. Those who do get every delta once, in
// one order, from however many backends.
func TestFloodsOfDeltas(t *testing.T) {
	t.Parallel()
	p := runRooms(t)
	const (
		slow       = 10
		readers    = 40
		publishers = 4
		each       = 60
	)
	for range slow {
		c := p.dial(t)
		must(t, c.conn.SetReadBuffer(4096))
		c.call("datasync", "acquireSubscription", acquisition(p.authorize(t, "all", "null")))
	}
	var all sync.WaitGroup
	orders := make([][]string, readers)
	for r := range readers {
		c := p.dial(t)
		query := []string{`["==","owner","x"]`, `["and",[">=","n",0],["==","owner","x"]]`}[r%2]
		c.call("datasync", "acquireSubscription", acquisition(p.authorize(t, "filtered", query)))
		all.Go(func() {
			for range publishers * each {
				_, after, _ := strings.Cut(string(c.next()), `"n":`)
				n, _, _ := strings.Cut(after, ",")
				orders[r] = append(orders[r], n)
			}
		})
	}
	pad := strings.Repeat("x", 64<<10) // of the deltas that only those get who do not read
	for publisher := range publishers {
		all.Go(func() {
			for i := range each {
				p.insert(t, fmt.Sprintf(`{"n":%d,"owner":"x"}`, publisher*1000+i), fmt.Sprintf(`{"owner":"y","pad":%q}`, pad))
			}
		})
	}
	all.Wait()
	last := map[int]int{}
	for _, text := range orders[0] {
		var n int
		_, err := fmt.Sscan(text, &n)
		must(t, err)
		if n%1000 != last[n/1000] {
			t.Fatalf("delta %d of publisher %d when %d was due", n%1000, n/1000, last[n/1000])
		}
		last[n/1000]++
	}
	for r, order := range orders {
		if strings.Join(order, " ") != strings.Join(orders[0], " ") {
			t.Errorf("reader %d gets another order", r)
		}
	}
	p.alive(stranger + slow)
	eventually(t, "the slow clients are cut off", func() bool { return strings.Count(p.log.String(), "cut off") == slow })
}

// FAULTS 59 to 61: subscriptions that nobody acquires, with deltas that nobody takes, cost what the limits allow, and who
// comes for one that had to end is told so.
func TestFloodsOfSubscriptionsThatNobodyAcquires(t *testing.T) {
	t.Parallel()
	p := runRooms(t)
	const waiting = 100
	tokens := make([]string, waiting)
	for i := range tokens {
		tokens[i] = p.authorize(t, "all", "null")
	}
	pad := strings.Repeat("x", 50<<10)
	for range 30 { // 1.5 MiB for each of them: more than one may have, and more than all
		p.insert(t, `{"pad":"`+pad+`"}`)
	}
	c := p.dial(t)
	for _, token := range tokens {
		c.send(request("datasync", "acquireSubscription", acquisition(token), `"late"`))
		if answer, before := c.answered("datasync", `"late"`); !strings.Contains(answer, "Subscription overflowed") || len(before) != 0 {
			t.Fatalf("%s after %d deltas", answer, len(before))
		}
	}
	for i := range 3_000 { // with nobody to come for them, nor anything to get
		p.authorize(t, "owned", fmt.Sprint(i))
	}
	turns(c, 5_000, func(i int) (string, string) {
		return request("datasync", "acquireSubscription", acquisition("nobody's"), fmt.Sprint(i)),
			refusal("datasync", fmt.Sprint(i), "No such subscription")
	})
	p.insert(t, `{"owner":2999}`, `{"owner":"nobody"}`)
	p.alive(stranger + 64)
}

// FAULTS 63: clients that go in the middle of acquiring while deltas come. Those who come later get theirs.
func TestLeavingWhileAcquiring(t *testing.T) {
	t.Parallel()
	p := runRooms(t)
	stop := make(chan struct{})
	var publisher sync.WaitGroup
	publisher.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				p.insert(t, fmt.Sprintf(`{"owner":"hot","n":%d}`, i))
			}
		}
	})
	for i := range 150 {
		c := p.dial(t)
		acquire := frame(text, request("datasync", "acquireSubscription", acquisition(p.authorize(t, "owned", `"hot"`)), "1"))
		c.raw(acquire[:len(acquire)-i%2])
		reset(c.conn)
	}
	close(stop)
	publisher.Wait()
	last := p.dial(t)
	last.call("datasync", "acquireSubscription", acquisition(p.authorize(t, "owned", `"hot"`)))
	p.insert(t, `{"owner":"cold"}`, `{"owner":"hot"}`)
	last.expect(inserted(`{"owner":"hot"}`))
	p.alive(stranger)
}
