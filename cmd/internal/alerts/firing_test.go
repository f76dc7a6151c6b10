package alerts

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
)

// with are the labels that Prometheus adds.
const with = `job="snorky",instance="a:5802"`

// Each rule finds what it is for, and is quiet otherwise. Series are an hour of values, one each minute.
func TestRulesFire(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ bad, good []string }{
		"SnorkyDown":      {[]string{`up 0x60`}, []string{`up 1x60`}},
		"SnorkyNotReady":  {[]string{`snorky_ready 0x60`}, []string{`snorky_ready 1x60`}},
		"SnorkyUnhealthy": {[]string{`snorky_healthy 0x60`}, []string{`snorky_healthy 1x60`, `snorky_ready 0x60`}},
		"SnorkyRestarts":  {[]string{`snorky_start_time_seconds 1+1x60`}, []string{`snorky_start_time_seconds 1x60`}},
		"SnorkyLoopLagHigh": {
			[]string{`snorky_loop_lag_seconds_bucket{loop="0",le="0.1"} 0+1x60`, `snorky_loop_lag_seconds_bucket{loop="0",le="1"} 0+60x60`, `snorky_loop_lag_seconds_bucket{loop="0",le="+Inf"} 0+60x60`},
			[]string{`snorky_loop_lag_seconds_bucket{loop="0",le="0.1"} 0+60x60`, `snorky_loop_lag_seconds_bucket{loop="0",le="1"} 0+60x60`, `snorky_loop_lag_seconds_bucket{loop="0",le="+Inf"} 0+60x60`},
		},
		"SnorkyLatencyHigh": {
			[]string{`snorky_publish_latency_seconds_bucket{le="0.1"} 0+1x60`, `snorky_publish_latency_seconds_bucket{le="1"} 0+60x60`, `snorky_publish_latency_seconds_bucket{le="+Inf"} 0+60x60`},
			[]string{`snorky_publish_latency_seconds_bucket{le="0.1"} 0x60`, `snorky_publish_latency_seconds_bucket{le="1"} 0x60`, `snorky_publish_latency_seconds_bucket{le="+Inf"} 0x60`},
		},
		"SnorkySlowReadersCut": {
			[]string{`snorky_slow_readers_cut_total{reason="queue_full"} 0+50x60`, `snorky_slow_readers_cut_total{reason="write_timeout"} 0+50x60`},
			[]string{`snorky_slow_readers_cut_total{reason="queue_full"} 0+5x60`, `snorky_slow_readers_cut_total{reason="write_timeout"} 0x60`},
		},
		"SnorkyClientsSilent": {
			[]string{`snorky_connections_closed_total{code="4001"} 0+50x60`, `snorky_connections 1000x60`},
			[]string{`snorky_connections_closed_total{code="4001"} 0+10x60`, `snorky_connections 1000x60`},
		},
		"SnorkyBacklogHigh": { // one hot channel: its backlog swings, and is found low
			[]string{`snorky_publications_held_back_total{reason="backlog"} 0+90x60`, `snorky_backlog_bytes 1000000x60`, `snorky_backlog_limit_bytes 4194304x60`},
			[]string{`snorky_publications_held_back_total{reason="backlog"} 0+1x60`, `snorky_publications_held_back_total{reason="loop"} 0+90x60`, `snorky_backlog_bytes 4000000x60`, `snorky_backlog_limit_bytes 4194304x60`},
		},
		"SnorkyWaitingBytesHigh":  {[]string{`snorky_waiting_bytes{loop="0"} 300000000x60`, `snorky_waiting_bytes{loop="1"} 300000000x60`}, []string{`snorky_waiting_bytes{loop="0"} 300000000x60`}},
		"SnorkyMailboxDeep":       {[]string{`snorky_service_mailbox_messages{door="frontend",service="chat"} 5000x60`}, []string{`snorky_service_mailbox_messages{door="frontend",service="chat"} 50x60`}},
		"SnorkyConnectionsLimit":  {[]string{`snorky_connections 95x60`, `snorky_connections_limit 100x60`}, []string{`snorky_connections 95x60`, `snorky_connections_limit 0x60`}},
		"SnorkyConnectsOverLimit": {[]string{`snorky_handshakes_refused_total{status="429"} 0+100x60`}, []string{`snorky_handshakes_refused_total{status="429"} 0+1x60`, `snorky_handshakes_refused_total{status="503"} 0+1000x60`}},
		"SnorkyConnectsRefused":   {[]string{`snorky_handshakes_refused_total{status="503"} 0+100x60`}, []string{`snorky_handshakes_refused_total{status="503"} 0+1x60`, `snorky_handshakes_refused_total{status="401"} 0+1000x60`, `snorky_handshakes_refused_total{status="429"} 0+1000x60`}},
		"SnorkyClientsOverLimit":  {[]string{`snorky_messages_over_limit_total 0+1000x60`}, []string{`snorky_messages_over_limit_total 0+100x60`}},
		"SnorkySilentConnections": {
			[]string{`snorky_handshakes_evicted_total 0x60`, `snorky_backend_connections_evicted_total 0+100x60`},
			[]string{`snorky_handshakes_evicted_total 0+10x60`, `snorky_backend_connections_evicted_total 1000x60`},
		},
		"SnorkyOriginsRefused": {
			[]string{`snorky_handshakes_refused_total{status="403"} 0+100x60`, `snorky_handshakes_accepted_total 0+10x60`},
			[]string{`snorky_handshakes_refused_total{status="403"} 0+100x60`, `snorky_handshakes_accepted_total 0+1000x60`},
		},
		"SnorkyCertificateExpires": { // it is one o'clock on 1970-01-01
			[]string{`snorky_tls_certificate_not_after_timestamp_seconds{door="frontend"} 600000x60`},
			[]string{`snorky_tls_certificate_not_after_timestamp_seconds{door="frontend"} 700000x60`},
		},
		"SnorkyCertificateNotLoaded": {[]string{`snorky_tls_certificate_last_load_successful{door="backend"} 0x60`}, []string{`snorky_tls_certificate_last_load_successful{door="backend"} 1x60`}},
		"SnorkyTokensRefused": {
			[]string{`snorky_tokens_total{result="invalid"} 0+100x60`, `snorky_tokens_total{result="accepted"} 0+100x60`},
			[]string{`snorky_tokens_total{result="invalid"} 0+100x60`, `snorky_tokens_total{result="accepted"} 0+1000x60`},
		},
		"SnorkyTokenKeysMissing":   {[]string{`snorky_tokens_total{result="unjudged"} 0+1x60`}, []string{`snorky_tokens_total{result="unjudged"} 7x60`}},
		"SnorkyApplicationFailing": {[]string{`snorky_application_questions_total{result="failed"} 0+60x60`}, []string{`snorky_application_questions_total{result="denied"} 0+60x60`}},
		"SnorkyApplicationQueue":   {[]string{`snorky_application_questions_pending{state="waiting"} 200x60`}, []string{`snorky_application_questions_pending{state="asked"} 200x60`}},
		"SnorkyBackendKeyWrong":    {[]string{`snorky_backend_requests_total{status="401"} 0+2x60`, `snorky_backend_requests_total{status="429"} 0+2x60`}, []string{`snorky_backend_requests_total{status="401"} 0+1x60`}},
		"SnorkyBackendRequestsBad": {[]string{`snorky_backend_requests_total{status="404"} 0+100x60`}, []string{`snorky_backend_requests_total{status="401"} 0+100x60`, `snorky_backend_requests_total{status="429"} 0+100x60`, `snorky_backend_requests_total{status="200"} 0+100x60`}},
		"SnorkyBackendErrors": { // 20 misspelt commands, seven minutes ago
			[]string{`snorky_errors_total{door="backend",code="unknown_command"} 0x53 20x7`},
			[]string{`snorky_errors_total{door="backend",code="unknown_command"} 20x60`, `snorky_errors_total{door="frontend",code="unknown_command"} 0x53 20x7`, `snorky_errors_total{door="backend",code="internal_error"} 0+9x60`},
		},
		"SnorkyInternalErrors": {[]string{`snorky_errors_total{door="backend",code="internal_error"} 0+1x60`}, []string{`snorky_errors_total{door="frontend",code="not_authorized"} 0+1x60`, `snorky_backend_calls_failed_total 0x60`}},
		"SnorkyReloadFailed":   {[]string{`snorky_config_last_reload_successful 0x60`}, []string{`snorky_config_last_reload_successful 1x60`}},
		"SnorkyRestartAwaited": {[]string{`snorky_config_settings_awaiting_restart 2x60`}, []string{`snorky_config_settings_awaiting_restart 2x59 0`}},
		"SnorkyShortOfMemory":  {[]string{`snorky_short_of_memory 0x57 1 0 0`}, []string{`snorky_short_of_memory 1x40 0x20`}},
		"SnorkyMemoryNearLimit": {
			[]string{`snorky_memory_held_bytes 85x60`, `snorky_memory_ceiling_bytes 100x60`},
			[]string{`snorky_memory_held_bytes 85x60`, `snorky_memory_ceiling_bytes 0x60`, `process_resident_memory_bytes 95x60`, `go_gc_gomemlimit_bytes 100x60`},
		},
		"SnorkyDescriptorsNearLimit": {[]string{`process_open_fds 95x60`, `process_max_fds 100x60`}, []string{`process_open_fds 50x60`, `process_max_fds 100x60`}},
		"SnorkyLogLinesLost":         {[]string{`snorky_log_lines_lost_total 0+1x60`}, []string{`snorky_log_lines_lost_total 1x60`}},
	}
	for _, r := range rules(t) {
		c, there := cases[r.Alert]
		if !there {
			t.Errorf("%s is not tested", r.Alert)
			continue
		}
		if !fires(t, r.Expr, c.bad) {
			t.Errorf("%s does not fire for %q", r.Alert, c.bad)
		}
		if fires(t, r.Expr, c.good) {
			t.Errorf("%s fires for %q", r.Alert, c.good)
		}
	}
}

func fires(t *testing.T, expr string, series []string) bool {
	t.Helper()
	script := "load 1m\n"
	for _, s := range series {
		name, values, _ := strings.Cut(s, " ")
		if before, inside, has := strings.Cut(name, "{"); has {
			name = before + "{" + with + "," + inside
		} else {
			name += "{" + with + "}"
		}
		script += "  " + name + " " + values + "\n"
	}
	storage := promqltest.LoadedStorage(t, script)
	defer storage.Close()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 100_000, Timeout: patience, LookbackDelta: 5 * time.Minute})
	defer engine.Close()
	query, err := engine.NewInstantQuery(t.Context(), storage, nil, expr, time.Unix(0, 0).Add(time.Hour))
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	defer query.Close()
	result := query.Exec(t.Context())
	if result.Err != nil {
		t.Fatalf("%s: %v", expr, result.Err)
	}
	found, err := result.Vector()
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return len(found) > 0
}
