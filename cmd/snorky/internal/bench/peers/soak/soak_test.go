package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/report"
)

func TestMain(m *testing.M) {
	// net/http keeps its connection to the server for a while.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// The whole program, for some seconds: nothing goes wrong, and everything has happened.
func TestShortRun(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it reads /proc")
	}
	s := parse([]string{
		"-minutes", "0.1", "-clients", "60", "-rate", "60", "-churn", "1200", "-every", "250ms",
		"-root", "../../../../../..", "-abuse", "2s", "-reload", "2s", "-storm", "3s", "-out", t.TempDir(),
	})
	var said bytes.Buffer
	err := run(t.Context(), s, &said)
	if err != nil {
		t.Logf("%v:\n%s", err, said.String()) // what has to be flat is not, in six seconds
	}
	f, err := os.Open(filepath.Join(s.out, "soak.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	soak, err := report.ReadSoak(f)
	if err != nil {
		t.Fatal(err)
	}
	if soak.End == nil || len(soak.End.Faults) > 0 || len(soak.Samples) < 10 {
		t.Fatalf("%d samples, then %+v", len(soak.Samples), soak.End)
	}
	last := soak.Samples[len(soak.Samples)-1]
	if last.RSS == 0 || last.Descriptors < 60 || last.Published == 0 || last.Delivered < last.Published || last.Lives < 20 || last.CPU == 0 {
		t.Errorf("the last sample is %+v", last)
	}
	for _, event := range []string{"abuse", "reload", "storm"} {
		if !slices.ContainsFunc(soak.Samples, func(x report.SoakSample) bool { return strings.Contains(x.Event, event) }) {
			t.Errorf("there was no %s", event)
		}
	}
	if picture, err := os.ReadFile(filepath.Join(s.out, "soak.svg")); err != nil || !bytes.HasPrefix(picture, []byte("<svg ")) {
		t.Errorf("the graph: %.20q, %v", picture, err)
	}
}

func TestWrongSettings(t *testing.T) {
	for _, arguments := range [][]string{
		{"-clients", "0"}, {"-rate", "0"}, {"-minutes", "0"}, {"-every", "0s"}, {"-channels", "2"}, {"-churn", "-1"}, {"-render", "-out", "/nowhere"},
	} {
		if err := run(t.Context(), parse(arguments), io.Discard); err == nil {
			t.Errorf("%q is good", arguments)
		}
	}
}

// What a client notices of a stream whose messages from 1 to 9 were acknowledged when it asked, of which 10 was begun
// before it had the answer.
func TestHearing(t *testing.T) {
	for _, test := range []struct {
		heard []int64
		wrong string // of the last one
	}{
		{[]int64{10, 11, 12}, ""},
		{[]int64{11, 12}, ""},
		{[]int64{9}, "older than the subscription"},
		{[]int64{12}, "gap at the beginning"},
		{[]int64{10, 12}, "gap"},
		{[]int64{10, 12, 13}, ""},
		{[]int64{10, 10}, "double or out of order"},
		{[]int64{10, 12, 11}, "double or out of order"},
	} {
		w := &world{}
		s := w.newStream()
		s.started.Store(9)
		s.acked.Store(9)
		e := &ear{w: w}
		h, joined := e.joins(s)
		s.started.Store(10)
		joined()
		wrong := ""
		for _, n := range test.heard {
			wrong = h.hears(n)
		}
		if wrong != test.wrong {
			t.Errorf("%v: %q, want %q", test.heard, wrong, test.wrong)
		}
	}
	h := hearing{before: 11}
	if h.misses(10) || !h.misses(11) {
		t.Error("what was acknowledged since the answer is due, and nothing else")
	}
	h.last = 5
	if h.misses(5) || !h.misses(6) {
		t.Error("what was acknowledged is due")
	}
}

func TestNumbersOfAMessage(t *testing.T) {
	w := &world{began: time.Now().Add(-time.Hour)}
	s := w.newStream()
	text := w.message([]byte("before "), s, 3)
	id, n, sent, ok := parseMessage(text)
	if !ok || id != s.id || n != 1 || sent < time.Hour.Microseconds() {
		t.Errorf("%s: %d %d %d %v", text, id, n, sent, ok)
	}
	for _, text := range []string{"", `{"n":`, `{"n":[`, `{"n":[1,2]`, `{"n":[1,2,3`, `{"n":[1,2,3,4]`, `{"n":[a,2,3]`} {
		if _, _, _, ok := parseMessage([]byte(text)); ok {
			t.Errorf("%s has numbers", text)
		}
	}
}

func TestPercentilesOfLatencies(t *testing.T) {
	var h histogram
	for us := range int64(1000) {
		h.record(us * 1000)
	}
	got := h.take(50, 99, 100)
	for i, exact := range []float64{500, 990, 1000} {
		if got[i] < exact*0.99 || got[i] > exact*1.126 {
			t.Errorf("%v ms, want %v and at most an eighth more", got[i], exact)
		}
	}
	if again := h.take(50); again[0] != 0 {
		t.Errorf("%v is left", again)
	}
}
