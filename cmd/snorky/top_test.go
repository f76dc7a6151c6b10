package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"

	"github.com/snorky-go/snorky/cmd/internal/overview"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

var someTime = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// an overview of a server that has been up for so many seconds, in each of which it has made 100 deliveries.
func overviewAt(seconds int) overview.Overview {
	bounds := []float64{0.001, 0.01}
	n := uint64(seconds)
	h := overview.Histogram{Bounds: bounds, Counts: []uint64{n * 100, 0, 0}}
	return overview.Overview{
		Version: "v1", State: overview.Ready, Started: someTime, Now: someTime.Add(time.Duration(seconds) * time.Second),
		Doors:       []overview.Door{{Name: "frontend", Address: ":5800", Open: true, Limit: 2000, Accepted: 5 * n}, {Name: "backend", Address: ":5801"}},
		Connections: 1234, Publications: n, Deliveries: 100 * n, SentBytes: 2048 * n, Latency: h, SlowReaders: 3,
		Loops:   []overview.Loop{{Connections: 1234, Deliveries: 100 * n, Lag: h}},
		Busiest: []overview.Channel{{Service: "pubsub", Channel: json.RawMessage(`"news"`), Subscribers: 100, Rate: 1}},
		Slowest: []overview.Connection{{Remote: "192.0.2.1:7", Identity: json.RawMessage(`"ann"`), WaitingBytes: 4096, Blocked: 1.5}},
	}
}

func TestTopShowsRates(t *testing.T) {
	t.Parallel()
	var v view
	if got := v.plain(); got != "asking ...\n" {
		t.Errorf("before the first look: %q", got)
	}
	v.take(overviewAt(10))
	contains(t, v.plain(), "deliveries -/s", "1,234 of 2,000")
	v.take(overviewAt(12))
	got := v.plain()
	contains(t, got, "snorkyd v1  ready  up 12.0 s", "deliveries 100/s", "publications 1.0/s", "out 2.0 KiB/s", "p50 500 µs   p99 990 µs",
		`"news"`, "192.0.2.1:7", `"ann"`, "4.0 KiB", "1.5 s", "slow readers cut off 3 (0/s)", "shut")

	v.fail(failed(exitUnreachable, "cannot connect: \x1b[31mred", ""))
	contains(t, v.plain(), `no newer answer: cannot connect: \u001b[31mred`, "deliveries 100/s")

	restarted := overviewAt(1)
	restarted.Started = someTime.Add(time.Minute)
	v.take(restarted)
	contains(t, v.plain(), "deliveries -/s")
}

// What others have chosen can neither command a terminal nor push aside what else is shown.
func TestTopEscapesStrangers(t *testing.T) {
	t.Parallel()
	o := overviewAt(1)
	o.Version, o.Incomplete, o.Doors[0].Address = "\x1b]0;x\x07", "\x9b31m", "\r\n"
	o.Busiest = []overview.Channel{
		{Service: "\x1b[2J", Channel: json.RawMessage("\"\u202eabc\x7f\"")},
		{Service: strings.Repeat("界", 500), Channel: json.RawMessage(`"` + strings.Repeat("x", 5000) + `"`)},
	}
	o.Slowest[0].Remote = "\u2028"
	var v view
	v.take(o)
	for _, l := range v.lines(1000) {
		for i, r := range l.text {
			if unprintable(r, len(string(r))) {
				t.Errorf("%q at %d of %q", r, i, l.text)
			}
		}
		if width := uniseg.StringWidth(l.text); width > 4*widestName {
			t.Errorf("%d cells: %.300q", width, l.text)
		}
	}
}

func TestTopFitsIntoAnyRoom(t *testing.T) {
	t.Parallel()
	o := overviewAt(1)
	for range 100 {
		o.Busiest, o.Slowest, o.Loops = append(o.Busiest, o.Busiest[0]), append(o.Slowest, o.Slowest[0]), append(o.Loops, o.Loops[0])
	}
	var v view
	v.take(o)
	for room := range 400 {
		lines := v.lines(room)
		if len(lines) > room {
			t.Fatalf("%d lines in a room of %d", len(lines), room)
		}
		if room == 30 {
			text := fmt.Sprint(lines)
			contains(t, text, "LOOP", "BUSIEST", "SLOWEST")
		}
	}
	if all := len(v.lines(1 << 20)); all < 300 {
		t.Errorf("%d lines where there is all the room", all)
	}
	for cells := 1; cells < 12; cells++ {
		if got := clip("a界界e\u0301界界bcdefg", cells); uniseg.StringWidth(got) > cells {
			t.Errorf("%q in %d cells", got, cells)
		}
	}
}

func TestSizesAndSpans(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"0 B": size(0), "1023 B": size(1023), "1.0 KiB": size(1024), "1.5 MiB": size(1.5 * 1024 * 1024), "2048.0 GiB": size(2048 * 1024 * 1024 * 1024),
		"0": span(0), "10 µs": span(10 * time.Microsecond), "1.5 ms": span(1500 * time.Microsecond), "20 ms": span(20 * time.Millisecond),
		"1 m 5 s": span(65 * time.Second), "2 h 3 m": span(123 * time.Minute), "3 d 4 h": span(76 * time.Hour),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// withAdmin boots a server that has an admin address.
func withAdmin(t *testing.T) *site {
	t.Helper()
	return boot(t, func(c *server.Config) { c.Admin = "127.0.0.1:0" })
}

func TestTopOfAServer(t *testing.T) {
	t.Parallel()
	s := withAdmin(t)
	s.publish("news", "1")
	status, stdout, stderr := snorky(t, "", "top", s.AdminAddr(), "--once", "--interval", "100ms")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d: %s", status, stderr)
	}
	contains(t, stdout, "ready", s.Addr(), s.BackendAddr(), "BUSIEST CHANNEL", "SLOWEST CONNECTION")
	status, stdout, _ = snorky(t, "", "top", "http://"+s.AdminAddr()+"/", "--once", "--json")
	var o overview.Overview
	if err := json.Unmarshal([]byte(stdout), &o); status != 0 || err != nil || o.Publications != 1 || strings.Count(stdout, "\n") != 1 {
		t.Errorf("status %d, %v: %s", status, err, stdout)
	}
}

func TestTopOfWhatIsNoServer(t *testing.T) {
	t.Parallel()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Host {
		case "gone":
			w.WriteHeader(http.StatusTeapot)
		default:
			_, _ = fmt.Fprint(w, `{"a":1}`)
		}
	}))
	defer page.Close()
	for _, c := range []struct {
		args   []string
		status exitKind
		says   string
	}{
		{[]string{"127.0.0.1:1"}, exitUnreachable, "SNORKY_ADMIN"},
		{[]string{page.URL}, exitOther, "does not answer as a snorkyd does"},
		{[]string{boot(t).Addr()}, exitRefused, "status 404"},
		{[]string{"ftp://h"}, exitUsage, "ADMIN-URL"},
		{[]string{"--interval", "1ms"}, exitUsage, "--interval"},
		{[]string{"--rows", "-1"}, exitUsage, "--rows"},
		{[]string{"--timeout", "0s"}, exitUsage, "--timeout"},
		{[]string{"a", "b"}, exitUsage, "too much"},
	} {
		status, stdout, stderr := snorky(t, "", append([]string{"top", "--once"}, c.args...)...)
		if status != int(c.status) || stdout != "" || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: status %d, %q, %s", c.args, status, stdout, stderr)
		}
	}
}

// screenshots is a screen that is none, and keeps what it has shown last: the cells of the simulation may only be read where
// they are written.
type screenshots struct {
	tcell.SimulationScreen
	mu    sync.Mutex
	shown string
}

func (s *screenshots) Show() {
	s.SimulationScreen.Show()
	s.keep()
}

func (s *screenshots) Sync() {
	s.SimulationScreen.Sync()
	s.keep()
}

func (s *screenshots) keep() {
	var b strings.Builder
	cells, width, _ := s.GetContents()
	for i, c := range cells {
		if i > 0 && width > 0 && i%width == 0 {
			b.WriteByte('\n')
		}
		b.WriteString(string(c.Runes))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = b.String()
}

func (s *screenshots) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown
}

// onScreen runs the live view against a server.
func onScreen(t *testing.T, ctx context.Context) (screen *screenshots, ended <-chan error) {
	t.Helper()
	s := withAdmin(t) //nolint:contextcheck // the server outlives the screen
	screen = &screenshots{SimulationScreen: tcell.NewSimulationScreen("UTF-8")}
	tp := &top{app: &app{stdout: &bytes.Buffer{}}, address: "http://" + s.AdminAddr() + overview.Path, interval: 100 * time.Millisecond, timeout: patience, rows: 5, http: &http.Client{}}
	end := make(chan error, 1)
	go func() {
		err := tp.live(ctx, screen)
		tp.http.CloseIdleConnections()
		end <- err
	}()
	return screen, end
}

func awaitShown(t *testing.T, screen *screenshots, what string) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.After(patience); ; {
		if strings.Contains(screen.last(), what) {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("never shown: %s\n%s", what, screen.last())
		}
	}
}

func TestTopLive(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]func(tcell.SimulationScreen){
		"q":      func(s tcell.SimulationScreen) { s.InjectKey(tcell.KeyRune, 'q', tcell.ModNone) },
		"Ctrl-C": func(s tcell.SimulationScreen) { s.InjectKey(tcell.KeyCtrlC, 0, tcell.ModCtrl) },
		"Esc":    func(s tcell.SimulationScreen) { s.InjectKey(tcell.KeyEscape, 0, tcell.ModNone) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			screen, ended := onScreen(t, t.Context())
			awaitShown(t, screen, "frontend")
			screen.SetSize(40, 5)
			awaitShown(t, screen, "snorkyd")
			screen.InjectKey(tcell.KeyRune, ' ', tcell.ModNone)
			screen.InjectKey(tcell.KeyRune, 'x', tcell.ModNone)
			key(screen)
			if err := <-ended; err != nil {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func TestTopLiveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	screen, ended := onScreen(t, ctx)
	awaitShown(t, screen, "frontend")
	cancel()
	if f, is := errors.AsType[*failure](<-ended); !is || f.kind != exitInterrupted {
		t.Errorf("ended with %v", f)
	}
}
