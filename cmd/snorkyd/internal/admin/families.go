package admin

import (
	"cmp"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
)

// family is one metric with all its labels. None has a label that strangers choose.
type family struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	each       func(*Snapshot, func(value float64, labels ...string))
}

// spread is a family of histograms.
type spread struct {
	name, help string
	labels     []string
	each       func(*Snapshot, func(h actors.Histogram, labels ...string))
}

func gauge[T int | int64 | float64](name, help string, value func(*Snapshot) T) family {
	return one(prometheus.GaugeValue, name, help, value)
}

func counter[T int64 | uint64](name, help string, value func(*Snapshot) T) family {
	return one(prometheus.CounterValue, name, help, value)
}

func one[T int | int64 | uint64 | float64](kind prometheus.ValueType, name, help string, value func(*Snapshot) T) family {
	return family{name, help, kind, nil, func(s *Snapshot, add func(float64, ...string)) { add(float64(value(s))) }}
}

// perLoop is a family with a value for each loop.
func perLoop[T int | int64 | uint64](kind prometheus.ValueType, name, help string, value func(*actors.LoopMetrics) T) family {
	return family{name, help, kind, []string{"loop"}, func(s *Snapshot, add func(float64, ...string)) {
		for i := range s.Broker.Loops {
			add(float64(value(&s.Broker.Loops[i])), strconv.Itoa(i))
		}
	}}
}

// perCode is a counter for each code. Those that are named begin with 0, since a rate needs a value before the first event.
func perCode[K cmp.Ordered](name, help, label string, text func(K) string, values func(*Snapshot) map[K]uint64, named ...K) family {
	return family{name, help, prometheus.CounterValue, []string{label}, func(s *Snapshot, add func(float64, ...string)) {
		fromZero(values(s), named, func(code K, n uint64) { add(float64(n), text(code)) })
	}}
}

// fromZero calls f for all counts, and for those that are named and not among them, in their order.
func fromZero[K cmp.Ordered](counts map[K]uint64, named []K, f func(K, uint64)) {
	codes := slices.AppendSeq(slices.Clone(named), maps.Keys(counts))
	slices.Sort(codes)
	for _, code := range slices.Compact(codes) {
		f(code, counts[code])
	}
}

// errorCodes are those that a server may answer with by itself, and what stands for too many others.
var errorCodes = append(wire.Codes(), services.ErrTooManyNames.Code, services.ErrTooManyJoins.Code, "other")

// closeCodes are those that have a counter of their own, and 0 for all others.
var closeCodes = func() []wire.CloseCode {
	codes := []wire.CloseCode{0}
	for c := wire.CloseNormal; c < 5000; c++ {
		if c.IsKnown() {
			codes = append(codes, c)
		}
	}
	return codes
}()

const (
	frontend = "frontend"
	backend  = "backend"
)

func door(isBackend bool) string {
	if isBackend {
		return backend
	}
	return frontend
}

func truth(is bool) int {
	if is {
		return 1
	}
	return 0
}

func closeCode(c wire.CloseCode) string {
	if c == 0 {
		return "other"
	}
	return strconv.Itoa(int(c))
}

// families are in the order of what an operator asks.
var families = slices.Concat(serverFamilies, trafficFamilies, loopFamilies, entranceFamilies, refusalFamilies, callFamilies, pressureFamilies)

var serverFamilies = []family{
	{
		"snorky_build_info", "What this server was built from; always 1.", prometheus.GaugeValue,
		[]string{"version", "goversion"},
		func(s *Snapshot, add func(float64, ...string)) { add(1, s.Version, runtime.Version()) },
	},
	gauge("snorky_start_time_seconds", "When the server was started, in seconds since 1970.", func(s *Snapshot) float64 { return unix(s.Started) }),
	gauge("snorky_uptime_seconds", "How long ago that was.", func(s *Snapshot) float64 { return time.Since(s.Started).Seconds() }),
	gauge("snorky_ready", "1 while both doors accept and the server does not drain.", func(s *Snapshot) int { return truth(s.Open && !s.Draining) }),
	gauge("snorky_healthy", "1 unless the actors did not answer when they were asked last, as they are every ten seconds or so.",
		func(s *Snapshot) int { return truth(s.Pulse.Err == nil) }),
	gauge("snorky_probe_duration_seconds", "How long it took the actors to answer then, or until they were given up.",
		func(s *Snapshot) float64 { return s.Pulse.Took.Seconds() }),
	gauge("snorky_draining", "1 from the beginning of the end.", func(s *Snapshot) int { return truth(s.Draining) }),
	gauge("snorky_backend_keys", "Keys of the backend that are valid.", func(s *Snapshot) int { return s.Calls.Keys }),
	{
		"snorky_config_reloads_total", "Times that the configuration was read again, by result.", prometheus.CounterValue,
		[]string{"result"},
		func(s *Snapshot, add func(float64, ...string)) {
			add(float64(s.Reloads.Succeeded), "success")
			add(float64(s.Reloads.Failed), "failure")
		},
	},
	gauge("snorky_config_last_reload_successful", "1 unless the last reading of the configuration failed.",
		func(s *Snapshot) int { return truth(!s.Reloads.LastFailed) }),
	gauge("snorky_config_last_reload_success_timestamp_seconds", "When the configuration in use was read, in seconds since 1970.",
		func(s *Snapshot) float64 { return unix(s.Reloads.LastSuccess) }),
	gauge("snorky_config_settings_awaiting_restart", "Settings of the configuration that was read last which need a restart.",
		func(s *Snapshot) int { return s.Reloads.Waiting }),
	counter("snorky_log_lines_lost_total", "Lines of the log that nobody took in time, or that could not be written.", func(s *Snapshot) uint64 { return s.LogLinesLost }),
}

var trafficFamilies = []family{
	gauge("snorky_connections", "WebSocket connections.", func(s *Snapshot) int { return s.Broker.Connections }),
	gauge("snorky_connections_limit", "Setting max-connections; 0 is no limit.", func(s *Snapshot) int { return s.MaxConnections }),
	gauge("snorky_channels", "Channels that have subscribers.", func(s *Snapshot) int { return s.Broker.Channels }),
	gauge("snorky_subscriptions", "Subscriptions of connections to channels.", func(s *Snapshot) int { return s.Broker.Subscriptions }),
	counter("snorky_publications_total", "Messages published, with and without subscribers.", func(s *Snapshot) uint64 { return s.Broker.Publications }),
	gauge("snorky_backlog_bytes", "Bytes published but not yet fanned out, of all channels.", func(s *Snapshot) int64 { return s.Broker.BacklogBytes }),
	gauge("snorky_backlog_limit_bytes", "Setting max-backlog: what one channel may have of that until publishers are held back; all channels may have four times as much.",
		func(s *Snapshot) int { return s.MaxBacklog }),
	{
		"snorky_publications_held_back_total", "Publications whose answer waits for the fan-out, by reason: max-backlog, or a loop that has more to do than takes a moment.",
		prometheus.CounterValue,
		[]string{"reason"},
		func(s *Snapshot, add func(float64, ...string)) {
			add(float64(s.Broker.HeldByBacklog), "backlog")
			add(float64(s.Broker.HeldByLoop), "loop")
		},
	},
	gauge("snorky_service_mail_bytes", "Bytes that services have sent to single clients and loops have not taken yet.",
		func(s *Snapshot) int64 { return s.Broker.MailBytes }),
}

var loopFamilies = []family{
	perLoop(prometheus.GaugeValue, "snorky_loop_connections", "Connections of an event loop.", func(l *actors.LoopMetrics) int { return l.Connections }),
	perLoop(prometheus.GaugeValue, "snorky_loop_tasks", "Tasks that wait for their turn on an event loop.", func(l *actors.LoopMetrics) int { return l.Tasks }),
	perLoop(prometheus.GaugeValue, "snorky_waiting_bytes", "Bytes that wait for clients which have not taken them.", func(l *actors.LoopMetrics) int64 { return l.WaitingBytes }),
	perLoop(prometheus.CounterValue, "snorky_deliveries_total", "Messages given to connections, answers excepted.", func(l *actors.LoopMetrics) uint64 { return l.Deliveries }),
	perLoop(prometheus.CounterValue, "snorky_sent_bytes_total", "Bytes that sockets of clients have taken.", func(l *actors.LoopMetrics) uint64 { return l.SentBytes }),
	perLoop(prometheus.CounterValue, "snorky_received_messages_total", "Messages that clients have sent.", func(l *actors.LoopMetrics) uint64 { return l.Messages }),
	perLoop(prometheus.CounterValue, "snorky_received_bytes_total", "Bytes that clients have sent.", func(l *actors.LoopMetrics) uint64 { return l.ReceivedBytes }),
}

var refusalFamilies = []family{
	counter("snorky_handshakes_accepted_total", "WebSocket handshakes that became connections.", func(s *Snapshot) uint64 { return s.Gateway.Accepted }),
	perCode("snorky_handshakes_refused_total", "WebSocket handshakes refused, by HTTP status; 503 are also those that were closed right after their 101, for want of descriptors or at the end.", "status", strconv.Itoa,
		func(s *Snapshot) map[int]uint64 { return s.Gateway.Refused },
		http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable),
	gauge("snorky_handshakes_checking", "Handshakes whose client is being authenticated.", func(s *Snapshot) int { return s.Gateway.Checking }),
	perCode("snorky_connections_closed_total", "Connections that have ended, by close code.", "code", closeCode,
		func(s *Snapshot) map[wire.CloseCode]uint64 { return s.Broker.Closed }, closeCodes...),
	{
		"snorky_slow_readers_cut_total", "Connections cut off because the client read too slowly: its queue was full, or it took nothing in time.",
		prometheus.CounterValue,
		[]string{"reason"},
		func(s *Snapshot, add func(float64, ...string)) {
			add(float64(s.Broker.Closed[wire.CloseSlowReader]), "queue_full")
			add(float64(s.Broker.Closed[wire.CloseWriteTimeout]), "write_timeout")
		},
	},
	{
		"snorky_errors_total", "Answers to calls that were errors, by code. Those of the backend have the status 200 all the same.",
		prometheus.CounterValue,
		[]string{"door", "code"},
		func(s *Snapshot, add func(float64, ...string)) {
			for door, counts := range map[string]map[string]uint64{frontend: s.Broker.Errors, backend: s.Broker.BackendErrors} {
				fromZero(counts, errorCodes, func(code string, n uint64) { add(float64(n), door, code) })
			}
		},
	},
	{
		"snorky_tokens_total", "Tokens that were checked, by result: unjudged ones could not be, for want of keys.", prometheus.CounterValue,
		[]string{"result"},
		func(s *Snapshot, add func(float64, ...string)) {
			add(float64(s.Tokens.Accepted), "accepted")
			add(float64(s.Tokens.Invalid), "invalid")
			add(float64(s.Tokens.Unjudged), "unjudged")
		},
	},
	{
		"snorky_application_questions_total", "Questions that the application was asked, by result: failed ones were not answered.",
		prometheus.CounterValue,
		[]string{"result"},
		func(s *Snapshot, add func(float64, ...string)) {
			add(float64(s.Application.Allowed), "allowed")
			add(float64(s.Application.Denied), "denied")
			add(float64(s.Application.Failed), "failed")
		},
	},
	{
		"snorky_application_questions_pending", "Questions for the application at the moment, by whether they are asked or wait for their turn.",
		prometheus.GaugeValue,
		[]string{"state"},
		func(s *Snapshot, add func(float64, ...string)) {
			add(float64(s.Application.UnderWay), "asked")
			add(float64(s.Application.Waiting), "waiting")
		},
	},
}

var callFamilies = []family{
	perCode("snorky_backend_requests_total", "Requests at the backend's door that were answered, by HTTP status.", "status", strconv.Itoa,
		func(s *Snapshot) map[int]uint64 { return s.Calls.Requests },
		http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusRequestEntityTooLarge,
		http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable),
	counter("snorky_backend_calls_failed_total", "Calls of the backend that were answered \"Internal error\", with status 200.", func(s *Snapshot) uint64 { return s.Calls.Failed }),
	counter("snorky_backend_received_bytes_total", "Bytes of the bodies of requests.", func(s *Snapshot) uint64 { return s.Calls.ReceivedBytes }),
	counter("snorky_backend_sent_bytes_total", "Bytes of the bodies of answers.", func(s *Snapshot) uint64 { return s.Calls.SentBytes }),
	gauge("snorky_backend_lanes", "Connections at the backend's door on which only plain requests have come.", func(s *Snapshot) int { return s.Backends.Lanes }),
	counter("snorky_backend_connections_handed_over_total", "Connections at the backend's door that net/http serves, since a request was not plain.",
		func(s *Snapshot) uint64 { return s.Backends.HandedOver }),
	{
		"snorky_service_calls_total", "Calls of a service.", prometheus.CounterValue,
		[]string{"door", "service"},
		func(s *Snapshot, add func(float64, ...string)) {
			for _, x := range s.Broker.Services {
				add(float64(x.Calls), door(x.Backend), x.Name)
			}
		},
	},
	{
		"snorky_service_mailbox_messages", "Messages that wait for a service and its parts.", prometheus.GaugeValue,
		[]string{"door", "service"},
		func(s *Snapshot, add func(float64, ...string)) {
			for _, x := range s.Broker.Services {
				add(float64(x.Mailbox), door(x.Backend), x.Name)
			}
		},
	},
	{
		"snorky_registry_mailbox_messages", "Messages that wait for the registry of services.", prometheus.GaugeValue,
		[]string{"door"},
		func(s *Snapshot, add func(float64, ...string)) {
			add(float64(s.Broker.Registries[0]), frontend)
			add(float64(s.Broker.Registries[1]), backend)
		},
	},
}

var pressureFamilies = []family{
	gauge("snorky_memory_held_bytes", "What the process holds and a garbage collection would not give back, and, where max-memory counts them, the buffers of its sockets.",
		func(s *Snapshot) int64 { return s.Pressure.Memory.Held + s.Pressure.Memory.Sockets }),
	gauge("snorky_memory_ceiling_bytes", "Setting max-memory, or what is found in its place; 0 is no limit.",
		func(s *Snapshot) int64 { return s.Pressure.Memory.Ceiling }),
	gauge("snorky_short_of_memory", "1 while new connections are refused since that is reached.", func(s *Snapshot) int { return truth(s.Pressure.Memory.Full) }),
	counter("snorky_handshakes_short_of_memory_total", "WebSocket handshakes refused because of it, with status 503.", func(s *Snapshot) int64 { return s.Pressure.RefusedFull }),
	counter("snorky_handshakes_over_limit_total", "WebSocket handshakes refused because of a rate, with status 429.", func(s *Snapshot) int64 { return s.Pressure.ConnectsRefused }),
	counter("snorky_messages_over_limit_total", "Messages of clients refused because of a rate.", func(s *Snapshot) int64 { return s.Pressure.OverLimit }),
	gauge("snorky_handshakes_unfinished", "TCP connections at the frontend that have not got through their handshake, or other request.",
		func(s *Snapshot) int { return s.Pressure.Handshakes }),
	counter("snorky_handshakes_evicted_total", "Those of them that were closed since they said nothing while others wanted in.", func(s *Snapshot) int64 { return s.Pressure.HandshakesEvicted }),
	gauge("snorky_backend_connections", "Connections at the backend's door.", func(s *Snapshot) int { return s.Pressure.BackendConnections }),
	counter("snorky_backend_connections_evicted_total", "Those of them that were closed since they said nothing while others wanted in.", func(s *Snapshot) int64 { return s.Pressure.BackendEvicted }),
}

var spreads = []spread{
	{
		"snorky_loop_lag_seconds", "How long a task waits for its turn on an event loop.",
		[]string{"loop"},
		func(s *Snapshot, add func(actors.Histogram, ...string)) {
			for i, l := range s.Broker.Loops {
				add(l.Lag, strconv.Itoa(i))
			}
		},
	},
	{
		"snorky_publish_latency_seconds", "From when a channel takes in a publication until it is with the sockets of all subscribers, or in their queues.", nil,
		func(s *Snapshot, add func(actors.Histogram, ...string)) { add(s.Broker.Latency) },
	},
}
