package actors

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/snorky-go/snorky/actors/limit"
)

// What a request of a client costs without limits, and with them: from its text to its answer. That of no limits is to be
// compared with BenchmarkIncomingRequest of before there were any.
func BenchmarkRequestWithLimits(b *testing.B) {
	high := limit.Rate{PerSecond: 1e9, Burst: 1e9}
	each := Limit{PerConnection: high, PerAddress: high, PerIdentity: high}
	for _, bench := range []struct {
		name   string
		limits Limits
	}{
		{"off", Limits{}},
		{"connection", Limits{Calls: Limit{PerConnection: high}}},
		{"address", Limits{Calls: Limit{PerAddress: high}}},
		{"identity", Limits{Calls: Limit{PerIdentity: high}}},
		{"all", Limits{Calls: each, Publishes: each}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c := newLoopCrowd(b, Options{Loops: 1, Limits: bench.limits})
			l := c.broker.loops[0]
			conn := c.attachPlain(&nowhere{})
			b.ReportAllocs()
			b.ResetTimer()
			c.on(l, func() {
				conn.remote = netip.MustParseAddrPort("10.0.0.1:1")
				conn.identify(newIdentification(l, Principal{Identity: json.RawMessage(`"ann"`)}))
				for range b.N {
					conn.received(clientPublish)
					l.flush()
				}
			})
		})
	}
}
