package backendapi

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// blockingCaller tells that a call has come and answers it when it may.
type blockingCaller struct{ started, finish chan struct{} }

func (c blockingCaller) Call(context.Context, string, []byte) ([]byte, error) {
	close(c.started)
	<-c.finish
	return []byte(`{"type":"response","data":null}`), nil
}

func TestRefusedKeysAreLoggedOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := new(lockedBuffer)
		h := newHandler(t, Options{Logger: zerolog.New(lines), LogInterval: time.Minute})
		for range 500 {
			do(h, "POST", "/backend", "{}", "X-Backend-Key", "guessed")
		}
		do(h, "POST", "/backend", "{}")
		<-time.After(time.Minute)
		do(h, "POST", "/backend", "{}", "X-Backend-Key", "guessed")
		got := lines.String()
		if strings.Count(got, "\n") != 2 || strings.Count(got, `"remote":"192.0.2.1:1234"`) != 2 {
			t.Fatalf("log:\n%s", got)
		}
		if !strings.Contains(got, `"more":500`) {
			t.Errorf("what was left out is not counted:\n%s", got)
		}
		if strings.Contains(got, "guessed") || strings.Contains(got, testKey) {
			t.Errorf("a key is in the log:\n%s", got)
		}
	})
}

func TestFailuresAndPanicsAreLogged(t *testing.T) {
	lines := new(lockedBuffer)
	h := newHandler(t, Options{Logger: zerolog.New(lines)})
	do(h, "POST", "/backend", call("boom", "{}"), keyIs(testKey)...)
	do(h, "POST", "/backend", `{"service":"svc","message":{"command":"odd","params":{},"callId":"`+strings.Repeat("x", 9999)+`"}}`, keyIs(testKey)...)
	do(h, "POST", "/backend", call("odd", "{}"), keyIs(testKey)...)
	got := lines.String()
	if strings.Count(got, "\n") != 2 || !strings.Contains(got, `"panic":"boom"`) || !strings.Contains(got, `"service":"svc","command":"odd"`) {
		t.Errorf("log:\n%s", got)
	}
	if strings.Contains(got, "xxxx") || strings.Contains(got, testKey) {
		t.Errorf("the log says too much:\n%s", got)
	}
}

func TestNamesAreCutInTheLog(t *testing.T) {
	if got := cut(strings.Repeat("n", 201)); len(got) != 203 || !strings.HasSuffix(got, "...") {
		t.Errorf("got %d bytes", len(got))
	}
	if got := cut("name"); got != "name" {
		t.Errorf("got %q", got)
	}
}
