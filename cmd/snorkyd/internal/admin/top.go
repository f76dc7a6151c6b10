package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/internal/overview"
)

const (
	// overviewTime is how long loops may take to tell their slowest connections.
	overviewTime = time.Second
	fewest       = 20  // busiest channels and slowest connections, unless "n" says otherwise
	most         = 200 // of them
)

// top answers with an overview.Overview.
func (s *Server) top(w http.ResponseWriter, r *http.Request) {
	n := fewest
	if text := r.FormValue("n"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 0 || n > most {
			answer(w, http.StatusBadRequest, "n is no number up to "+strconv.Itoa(most)+"\n")
			return
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s.overview(r.Context(), n)); err != nil {
		answer(w, http.StatusInternalServerError, "the overview is no JSON\n")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text.Bytes())
}

func (s *Server) overview(ctx context.Context, n int) overview.Overview {
	snapshot := s.source.Snapshot()
	o := summarize(&snapshot)
	o.State, o.Now = s.source.State(), time.Now()
	for _, c := range s.source.Busiest(n) {
		o.Busiest = append(o.Busiest, overview.Channel{
			Service: c.Service, Channel: valid(c.Channel), Subscribers: c.Subscribers, Rate: c.PublicationsPerSecond,
			BacklogBytes: c.BacklogBytes,
		})
	}
	ctx, cancel := context.WithTimeout(ctx, overviewTime)
	defer cancel()
	slowest, err := s.source.Slowest(ctx, n)
	if err != nil {
		o.Incomplete = err.Error()
	}
	for _, c := range slowest {
		o.Slowest = append(o.Slowest, overview.Connection{
			Remote: c.Remote.String(), Identity: valid(c.Identity), Subscriptions: c.Subscriptions,
			WaitingBytes: c.WaitingBytes, Blocked: c.Blocked.Seconds(), Closing: c.Closing,
		})
	}
	return o
}

// valid leaves out what is no JSON, which would spoil all the rest.
func valid(text json.RawMessage) json.RawMessage {
	if !json.Valid(text) {
		return nil
	}
	return text
}

func summarize(s *Snapshot) overview.Overview {
	b := &s.Broker
	o := overview.Overview{
		Version: s.Version, Started: s.Started, Doors: s.doors(),
		Connections: b.Connections, Channels: b.Channels, Subscriptions: b.Subscriptions,
		Publications: b.Publications, BacklogBytes: b.BacklogBytes, Latency: histogram(b.Latency),
		SlowReaders: b.Closed[wire.CloseSlowReader] + b.Closed[wire.CloseWriteTimeout],
		Busiest:     []overview.Channel{}, Slowest: []overview.Connection{},
		MemoryBytes: residentMemory(), Goroutines: runtime.NumGoroutine(),
	}
	for _, counts := range []map[string]uint64{b.Errors, b.BackendErrors} {
		for _, n := range counts {
			o.Errors += n
		}
	}
	for _, l := range b.Loops {
		o.Deliveries += l.Deliveries
		o.Messages += l.Messages
		o.SentBytes += l.SentBytes
		o.ReceivedBytes += l.ReceivedBytes
		o.WaitingBytes += l.WaitingBytes
		o.Loops = append(o.Loops, overview.Loop{
			Connections: l.Connections, Tasks: l.Tasks, Deliveries: l.Deliveries, WaitingBytes: l.WaitingBytes,
			Lag: histogram(l.Lag),
		})
	}
	return o
}

func (s *Snapshot) doors() []overview.Door {
	frontend := overview.Door{
		Name: "frontend", Address: s.Frontend, Open: s.Open, Limit: s.MaxConnections, Accepted: s.Gateway.Accepted,
	}
	for _, n := range s.Gateway.Refused {
		frontend.Refused += n
	}
	backend := overview.Door{Name: "backend", Address: s.Backend, Open: s.Open}
	for status, n := range s.Calls.Requests {
		if status == http.StatusOK {
			backend.Accepted += n
		} else {
			backend.Refused += n
		}
	}
	return []overview.Door{frontend, backend}
}

func histogram(h actors.Histogram) overview.Histogram {
	return overview.Histogram{Bounds: h.Bounds, Counts: h.Counts, Sum: h.Sum}
}

// residentMemory is what the runtime has from the system, without stopping the world for it.
func residentMemory() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() - sample[1].Value.Uint64()
}
