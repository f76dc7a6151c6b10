package services_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors"
)

// payload is a message of 128 bytes.
const payload = `{"text":"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"}`

// bulk are calls that publish several times.
type bulk struct {
	name     string
	audience *audience
	items    int
	requests [][]byte // to be made one after the other
}

// bulks are the ways to publish so many messages to one channel, and one message to so many channels.
func bulks(tb testing.TB, items int) []bulk {
	tb.Helper()
	channels := make([]string, items)
	var same, each [][]byte
	for i := range items {
		channels[i] = fmt.Sprintf(`"channel %d"`, i)
		same = append(same, request("publish", `{"channel":"news","message":`+payload+`}`))
		each = append(each, request("publish", `{"channel":`+channels[i]+`,"message":`+payload+`}`))
	}
	messages := slices.Repeat([]string{payload}, items)
	many := request("publishMany", `{"channel":"news","messages":[`+strings.Join(messages, ",")+`]}`)
	all := request("broadcast", `{"channels":[`+strings.Join(channels, ",")+`],"message":`+payload+`}`)
	a := newAudience(tb, actors.Options{MaxQueuedBytes: 1 << 30})
	tb.Cleanup(a.end)
	a.listen(false, append(channels, `"news"`)...)
	return []bulk{{"publish", a, items, same}, {"publishMany", a, items, [][]byte{many}}, {"publish-each", a, items, each}, {"broadcast", a, items, [][]byte{all}}}
}

func (b bulk) publish(tb testing.TB) {
	for _, r := range b.requests {
		if _, err := b.audience.broker.Call(tb.Context(), "b", r); err != nil {
			tb.Fatal(err)
		}
	}
}

// Publishing in one call against publishing in as many calls as there are items, with one subscriber.
func BenchmarkBatches(b *testing.B) {
	for _, items := range []int{1, 16, 256} {
		for _, c := range bulks(b, items) {
			b.Run(fmt.Sprintf("%s/items=%d", c.name, items), func(b *testing.B) {
				l := c.audience.listeners[0]
				before := l.count()
				b.ReportAllocs()
				for b.Loop() {
					c.publish(b)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(items), "ns/item")
				l.wait(before + b.N*items)
			})
		}
	}
}

// One item more in a batch costs what publishing takes and nothing for the batch: the key of the channel and, if there are
// subscribers, the frame and what carries it through the actors. The fraction is the share in what grows by and by.
func TestAllocationsOfBatches(t *testing.T) {
	nobody, somebody := allocationsPerItem(t, false), allocationsPerItem(t, true)
	for _, command := range []string{"publishMany", "broadcast"} {
		if nobody[command] > 1.5 || somebody[command] > 3.5 {
			t.Errorf("%s: %.2f allocations for each item without subscribers, %.2f with one", command, nobody[command], somebody[command])
		}
	}
}

// allocationsPerItem is by how much the allocations of each way grow with each item.
func allocationsPerItem(t *testing.T, listening bool) map[string]float64 {
	t.Helper()
	const few, many = 16, 256
	measured := map[string]float64{}
	for _, items := range []int{few, many} {
		for _, b := range bulks(t, items) {
			l := b.audience.listeners[0]
			if !listening {
				_ = l.Close()
				b.audience.empty()
			}
			n := testing.AllocsPerRun(20, func() {
				before := l.count()
				b.publish(t)
				if listening {
					l.wait(before + items)
				}
			})
			if items == few {
				n = -n
			}
			measured[b.name] += n / (many - few)
		}
	}
	return measured
}
