package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/internal/overview"
)

const patience = 30 * time.Second

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// fake is a Source that says what it is told.
type fake struct {
	mu       sync.Mutex
	state    string
	probe    error
	hangs    bool // Probe and Slowest return when they are no longer waited for
	snapshot Snapshot
}

func (f *fake) set(change func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fake) State() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

func (f *fake) Snapshot() Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.snapshot
}

func (f *fake) Probe(ctx context.Context) error {
	f.mu.Lock()
	hangs, err := f.hangs, f.probe
	f.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return fmt.Errorf("no answer from the registry: %w", ctx.Err())
	}
	return err
}

func (f *fake) Busiest(n int) []actors.ChannelLoad {
	all := []actors.ChannelLoad{{Service: "a", Channel: json.RawMessage(`"x"`), Subscribers: 3}, {Service: "b", Channel: json.RawMessage(`{broken`)}}
	return all[:min(n, len(all))]
}

func (f *fake) Slowest(ctx context.Context, _ int) ([]actors.ConnectionLoad, error) {
	f.mu.Lock()
	hangs := f.hangs
	f.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []actors.ConnectionLoad{{Identity: json.RawMessage(`"ann"`), WaitingBytes: 7, Blocked: time.Second}}, nil
}

// serve runs a Server until the end of the test and returns its address.
func serve(t *testing.T, f *fake) string {
	t.Helper()
	return serveWith(t, f, Options{Host: "snorky.example.com", Logger: zerolog.Nop()})
}

func serveWith(t *testing.T, f *fake, o Options) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(f, o)
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String()
}

// ask makes a request with headers and returns status and body.
func ask(t *testing.T, address, path string, headers ...string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func TestHealthInEachState(t *testing.T) {
	t.Parallel()
	f := &fake{}
	address := serve(t, f)
	for _, c := range []struct {
		state          string
		probe          error
		healthy, ready int
	}{
		{overview.Starting, nil, 200, 503},
		{overview.Ready, nil, 200, 200},
		{overview.Draining, nil, 200, 503},
		{overview.Draining, actors.ErrStopped, 200, 503},
		{overview.Draining, errors.New("dead"), 503, 503},
		{overview.Ready, errors.New("dead"), 503, 200},
		{overview.Ready, actors.ErrStopped, 503, 200},
	} {
		f.set(func(f *fake) { f.state, f.probe = c.state, c.probe })
		if status, body := ask(t, address, "/healthz"); status != c.healthy {
			t.Errorf("%s, %v: healthz %d %s", c.state, c.probe, status, body)
		}
		if status, body := ask(t, address, "/readyz"); status != c.ready || body != c.state+"\n" {
			t.Errorf("%s: readyz %d %s", c.state, status, body)
		}
	}
	f.set(func(f *fake) { f.state, f.hangs = overview.Ready, true })
	if status, body := ask(t, address, "/healthz"); status != 503 || !strings.Contains(body, "the registry") {
		t.Errorf("dead actors: %d %s", status, body)
	}
	// What does not ask the actors answers all the same.
	if status, _ := ask(t, address, "/metrics"); status != 200 {
		t.Errorf("metrics of a server whose actors are dead: %d", status)
	}
	if status, body := ask(t, address, "/top"); status != 200 || !strings.Contains(body, `"incomplete":`) {
		t.Errorf("top of a server whose actors are dead: %d %s", status, body)
	}
}

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	address := serve(t, &fake{})
	for path, want := range map[string]int{
		"/": 200, "/metrics": 200, "/top": 200, "/top?n=0": 200, "/debug/pprof/": 200, "/debug/pprof/goroutine?debug=1": 200,
		"/debug/pprof/heap": 200, "/debug/pprof/symbol": 200, "/debug/pprof/trace?seconds=0.01": 200,
		"/ws": 404, "/backend": 404, "/debug/vars": 404, "/debug/pprof/cmdline": 404, "/debug": 404,
		"/top?n=1000": 400, "/top?n=x": 400, "/debug/pprof/profile?seconds=9999999": 400, "/debug/pprof/trace?seconds=NaN": 400,
		"/debug/pprof/heap?seconds=-1": 400,
	} {
		if status, body := ask(t, address, path); status != want {
			t.Errorf("%s: %d, want %d: %.200s", path, status, want, body)
		}
	}
	response, err := http.Post("http://"+address+"/metrics", "text/plain", nil)
	if err != nil || response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v, %v", response, err)
	}
	_ = response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
}

// A page in a browser must not read what is here, whatever name it has made point to this machine.
func TestPagesAreRefused(t *testing.T) {
	t.Parallel()
	address := serve(t, &fake{})
	for _, c := range []struct {
		headers []string
		want    int
	}{
		{nil, 200},
		{[]string{"Host", "localhost:5802"}, 200},
		{[]string{"Host", "LOCALHOST."}, 200},
		{[]string{"Host", "a.localhost"}, 200},
		{[]string{"Host", "[::1]:5802"}, 200},
		{[]string{"Host", "10.0.0.7"}, 200},
		{[]string{"Host", "snorkyd:5802"}, 200},
		{[]string{"Host", "Snorky.Example.Com:5802"}, 200},
		{[]string{"Host", "evil.example.com"}, 403},
		{[]string{"Host", "evil.example.com:5802"}, 403},
		{[]string{"Host", "127.0.0.1.evil.example.com"}, 403},
		{[]string{"Host", "localhost.evil.example.com"}, 403},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Sec-Fetch-Site", "same-site"}, 403},
		{[]string{"Sec-Fetch-Site", "same-origin"}, 200},
		{[]string{"Sec-Fetch-Site", "none"}, 200},
		{[]string{"Origin", "http://evil.example.com"}, 403},
		{[]string{"Origin", "null"}, 403},
		{[]string{"Origin", "http://" + address}, 200},
	} {
		for _, path := range []string{"/metrics", "/healthz", "/debug/pprof/"} {
			if status, _ := ask(t, address, path, c.headers...); status != c.want {
				t.Errorf("%s %v: %d, want %d", path, c.headers, status, c.want)
			}
		}
	}
}

// Prometheus may have found a server in a network by a name of DNS; what says more than counts is not for any name. Who is
// refused because of a name is told of, once.
func TestStrangeNames(t *testing.T) {
	t.Parallel()
	for network, want := range map[bool]int{true: 200, false: 403} {
		var log lockedLog
		address := serveWith(t, &fake{state: overview.Ready}, Options{Network: network, Logger: zerolog.New(&log)})
		for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
			if status, _ := ask(t, address, path, "Host", "snorky.monitoring.svc:5802"); status != want {
				t.Errorf("network %v, %s: %d, want %d", network, path, status, want)
			}
			if status, _ := ask(t, address, path, "Host", "evil.example.com", "Origin", "http://elsewhere.example.com"); status != 403 {
				t.Errorf("network %v, %s for a page of elsewhere: %d", network, path, status)
			}
		}
		for _, path := range []string{"/", "/top", "/debug/pprof/"} {
			if status, _ := ask(t, address, path, "Host", "snorky.monitoring.svc:5802"); status != 403 {
				t.Errorf("network %v, %s: %d", network, path, status)
			}
		}
		got := log.String()
		if strings.Count(got, "by a strange name") != 1 || !strings.Contains(got, `"level":"warn","host":"snorky.monitoring.svc:5802"`) {
			t.Errorf("network %v: the log says %s", network, got)
		}
	}
}

// lockedLog is a log that several goroutines write to.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Scrapers that ask and do not read, or do not finish asking, hold up nobody, and those who are too many are told so.
func TestBrokenScrapers(t *testing.T) {
	t.Parallel()
	f := &fake{state: overview.Ready, hangs: true}
	address := serve(t, f)
	for range 50 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /metrics HTTP/1.1\r\nHost: x\r\n")
	}
	var asking sync.WaitGroup
	statuses := make(chan int, 3*maxProbes)
	for range 3 * maxProbes {
		asking.Go(func() {
			status, _ := ask(t, address, "/healthz")
			statuses <- status
		})
	}
	if status, _ := ask(t, address, "/metrics"); status != 200 {
		t.Errorf("beside them: %d", status)
	}
	asking.Wait()
	close(statuses)
	for status := range statuses {
		if status != http.StatusServiceUnavailable {
			t.Errorf("status %d", status)
		}
	}
}

func TestCloseEndsProfiles(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(&fake{}, Options{})
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /debug/pprof/goroutine?seconds=300 HTTP/1.1\r\nHost: x\r\n\r\n")
	fmt.Fprintf(conn, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n") // is read, and so the other one has begun, when there is an answer
	began := time.Now()
	s.Close()
	<-done
	if took := time.Since(began); took > patience {
		t.Errorf("Close took %v", took)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, bufio.NewReader(conn)); err != nil && errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the connection stays open: %v", err)
	}
}

func TestOverview(t *testing.T) {
	t.Parallel()
	f := &fake{state: overview.Ready, snapshot: Snapshot{
		Version: "v1", Open: true, Frontend: "a:1", Backend: "b:2", MaxConnections: 9,
		Broker: actors.Metrics{
			Stats: actors.Stats{Connections: 3}, Publications: 5,
			Closed: map[wire.CloseCode]uint64{wire.CloseSlowReader: 2, wire.CloseWriteTimeout: 1, wire.CloseNormal: 9},
			Errors: map[string]uint64{"a": 1}, BackendErrors: map[string]uint64{"b": 2},
			Loops: []actors.LoopMetrics{{Deliveries: 1, SentBytes: 10}, {Deliveries: 2, SentBytes: 20, WaitingBytes: 4}},
		},
	}}
	f.snapshot.Calls.Requests = map[int]uint64{200: 7, 401: 2}
	f.snapshot.Gateway.Accepted, f.snapshot.Gateway.Refused = 4, map[int]uint64{403: 1, 503: 1}
	_, body := ask(t, serve(t, f), "/top")
	var o overview.Overview
	if err := json.Unmarshal([]byte(body), &o); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if o.State != overview.Ready || o.Connections != 3 || o.Deliveries != 3 || o.SentBytes != 30 || o.WaitingBytes != 4 || o.SlowReaders != 3 || o.Errors != 3 {
		t.Errorf("got %+v", o)
	}
	want := []overview.Door{
		{Name: "frontend", Address: "a:1", Open: true, Limit: 9, Accepted: 4, Refused: 2},
		{Name: "backend", Address: "b:2", Open: true, Accepted: 7, Refused: 2},
	}
	if len(o.Doors) != 2 || o.Doors[0] != want[0] || o.Doors[1] != want[1] {
		t.Errorf("doors %+v", o.Doors)
	}
	if len(o.Busiest) != 2 || string(o.Busiest[0].Channel) != `"x"` || len(o.Slowest) != 1 || o.Slowest[0].Blocked != 1 {
		t.Errorf("busiest %+v, slowest %+v", o.Busiest, o.Slowest)
	}
}
