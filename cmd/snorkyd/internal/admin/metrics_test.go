package admin

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/certificate"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/memory"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/pulse"
)

var update = flag.Bool("update", false, "write deploy/METRICS.md")

const page = "../../../../deploy/METRICS.md"

// Each metric has its line on the page, as the table of families has it.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Metrics\n\nWhat `/metrics` of the admin address has for Prometheus. Made from the sources by\n" +
		"`go test ./cmd/snorkyd/internal/admin -update`. There are those of the Go runtime (`go_`) and of the process (`process_`),\n" +
		"too. No label has a value that strangers choose, so the number of series is bounded.\n\n" +
		"| metric | type | labels | meaning |\n|---|---|---|---|\n")
	kinds := map[prometheus.ValueType]string{prometheus.CounterValue: "counter", prometheus.GaugeValue: "gauge"}
	for _, f := range families {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, kinds[f.kind], strings.Join(f.labels, ", "), f.help)
	}
	for _, f := range spreads {
		fmt.Fprintf(&b, "| `%s` | histogram | %s | %s |\n", f.name, strings.Join(f.labels, ", "), f.help)
	}
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(page); err != nil || string(text) != b.String() {
		t.Errorf("%s is not of these sources; run go test -update (%v)", page, err)
	}
}

// Names are as Prometheus wants them.
func TestNamesOfMetrics(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^snorky_[a-z]+(_[a-z]+)*$`)
	seen := map[string]bool{}
	for _, f := range families {
		if counts := strings.HasSuffix(f.name, "_total"); !form.MatchString(f.name) || counts != (f.kind == prometheus.CounterValue) {
			t.Errorf("%s is no name for a metric of its type", f.name)
		}
		if base := strings.TrimSuffix(f.name, "_total"); seen[base] || f.help == "" {
			t.Errorf("%s is there twice, or without help", f.name)
		} else {
			seen[base] = true
		}
	}
}

// series are the lines of a scrape that are samples.
func series(t *testing.T, address string) map[string]string {
	t.Helper()
	status, body := ask(t, address, "/metrics")
	if status != 200 {
		t.Fatalf("status %d: %s", status, body)
	}
	all := map[string]string{}
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if end := strings.LastIndexByte(line, ' '); strings.HasPrefix(line, "snorky_") {
			all[line[:end]] = line[end+1:]
		}
	}
	return all
}

func TestValues(t *testing.T) {
	t.Parallel()
	f := &fake{snapshot: Snapshot{Open: true, MaxBacklog: 4096, Broker: actors.Metrics{
		Publications: 12, HeldByBacklog: 5, HeldByLoop: 6, Errors: map[string]uint64{"mine": 4}, BackendErrors: map[string]uint64{"no_such_model": 7},
		Closed:  map[wire.CloseCode]uint64{0: 3, wire.CloseSlowReader: 2},
		Latency: actors.Histogram{Bounds: []float64{0.1, 1}, Counts: []uint64{5, 3, 2}, Sum: 7.5},
		Loops:   []actors.LoopMetrics{{Deliveries: 8}, {Deliveries: 9}},
	}}}
	f.snapshot.Gateway.Refused = map[int]uint64{418: 6}
	f.snapshot.Reloads.Waiting = 3
	f.snapshot.Pulse = pulse.Sign{Err: actors.ErrStopped, Took: 8 * time.Second}
	f.snapshot.Entrances[0] = Entrance{Failures: 5, Certificate: &certificate.Stats{NotAfter: time.Unix(1234, 0), Failed: true}}
	f.snapshot.Pressure = Pressure{
		Memory:    memory.Stats{Usage: memory.Usage{Resident: 1000, Held: 20, Sockets: 1}, Ceiling: 22, Full: true},
		OverLimit: 23, ConnectsRefused: 24, RefusedFull: 25, Handshakes: 26, HandshakesEvicted: 27, BackendConnections: 28, BackendEvicted: 29,
	}
	got := series(t, serve(t, f))
	for name, want := range map[string]string{
		"snorky_ready": "1", "snorky_draining": "0", "snorky_publications_total": "12",
		`snorky_publications_held_back_total{reason="backlog"}`: "5", `snorky_publications_held_back_total{reason="loop"}`: "6",
		"snorky_backlog_limit_bytes":                       "4096",
		`snorky_errors_total{code="mine",door="frontend"}`: "4", `snorky_errors_total{code="internal_error",door="frontend"}`: "0",
		`snorky_errors_total{code="no_such_model",door="backend"}`: "7", `snorky_errors_total{code="no_such_model",door="frontend"}`: "0",
		`snorky_connections_closed_total{code="other"}`: "3", `snorky_slow_readers_cut_total{reason="queue_full"}`: "2",
		`snorky_publish_latency_seconds_bucket{le="0.1"}`: "5", `snorky_publish_latency_seconds_bucket{le="1"}`: "8",
		`snorky_publish_latency_seconds_bucket{le="+Inf"}`: "10", "snorky_publish_latency_seconds_count": "10", "snorky_publish_latency_seconds_sum": "7.5",
		"snorky_healthy": "0", "snorky_probe_duration_seconds": "8",
		`snorky_entrance_failures_total{door="frontend"}`: "5", `snorky_entrance_failures_total{door="backend"}`: "0",
		`snorky_tls_certificate_not_after_timestamp_seconds{door="frontend"}`: "1234", `snorky_tls_certificate_last_load_successful{door="frontend"}`: "0",
		`snorky_tls_certificate_last_load_successful{door="backend"}`: "",
		"snorky_config_settings_awaiting_restart":                     "3", `snorky_connections_closed_total{code="4201"}`: "0",
		"snorky_memory_held_bytes": "21", "snorky_memory_ceiling_bytes": "22", "snorky_short_of_memory": "1",
		"snorky_messages_over_limit_total": "23", "snorky_handshakes_over_limit_total": "24", "snorky_handshakes_short_of_memory_total": "25",
		"snorky_handshakes_unfinished": "26", "snorky_handshakes_evicted_total": "27",
		"snorky_backend_connections": "28", "snorky_backend_connections_evicted_total": "29",
		`snorky_deliveries_total{loop="1"}`: "9", `snorky_handshakes_refused_total{status="418"}`: "6", `snorky_handshakes_refused_total{status="403"}`: "0",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %s", name, got[name], want)
		}
	}
}

// Names that others choose neither break a scrape nor make it grow without end.
func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	f := &fake{}
	for i := range 5 * maxSamples {
		f.snapshot.Broker.Services = append(f.snapshot.Broker.Services, actors.ServiceMetrics{Name: fmt.Sprint("service ", i), Calls: 1})
	}
	strange := []string{"\xff\xfe", "\xff\xfd", "a\"b\\c\nd", strings.Repeat("x", 1000), strings.Repeat("x", 2000), ""}
	for _, name := range strange {
		f.snapshot.Broker.Services = append([]actors.ServiceMetrics{{Name: name, Calls: 1}}, f.snapshot.Broker.Services...)
	}
	got := series(t, serve(t, f))
	if len(got) > 3*maxSamples {
		t.Errorf("%d series", len(got))
	}
	calls := 0
	for name, value := range got {
		if strings.HasPrefix(name, "snorky_service_calls_total{") {
			var n float64
			_, _ = fmt.Sscan(value, &n)
			calls += int(n)
		}
	}
	if want := 5*maxSamples + len(strange); calls != want {
		t.Errorf("%d calls in all, want %d", calls, want)
	}
}
