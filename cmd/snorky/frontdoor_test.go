package main

import (
	"crypto/sha1" // RFC 6455 wants it
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors/wire"
	front "github.com/snorky-go/snorky/gateway/client"
)

// strangeFrontend accepts a WebSocket, waits for a first request, sends what it is given, and hangs up.
func strangeFrontend(t *testing.T, frames []byte) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		digest := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(digest[:])+"\r\n\r\n")
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		_, _ = conn.Write(frames)
		// An end of sending leaves the frames alone, which a reset would not.
		if half, ok := conn.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, conn)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestTheFrontendHangsUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		frames []byte
		status exitKind
		says   []string
	}{
		{"without a word", nil, exitUnreachable, []string{"was lost: the other end hung up"}},
		{"in the middle of one", []byte{0x81, 100, '{'}, exitUnreachable, []string{"was lost: the other end hung up"}},
		{"for no reason", wire.AppendCloseFrame(nil, wire.CloseNormal, ""), exitUnreachable, []string{"no other reason (code 1000)"}},
		{"to restart", wire.AppendCloseFrame(nil, wire.CloseGoingAway, "bye"), exitUnreachable, []string{"shuts down or restarts (code 1001, bye)"}},
		{"on us", wire.AppendCloseFrame(nil, wire.CloseForbidden, "\x1b[2J\u009b"), exitRefused, []string{`does not want this client (code 4200, \u001b[2J\u009b)`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := strangeFrontend(t, c.frames)
			for _, args := range [][]string{
				{"call", "--url", address, "s", "c"},
				{"subscribe", "--url", address, "news"},
			} {
				status, stdout, stderr := snorky(t, "", args...)
				if status != int(c.status) || stdout != "" {
					t.Errorf("%s: status %d, stdout %q", args[0], status, stdout)
				}
				contains(t, stderr, c.says...)
				if strings.Contains(stderr, "\x1b") {
					t.Errorf("%s: %q", args[0], stderr)
				}
			}
		})
	}
}

func TestTheFrontendRefusesTheHandshake(t *testing.T) {
	t.Parallel()
	for code, c := range map[int]struct {
		status exitKind
		says   string
	}{
		http.StatusOK:                  {exitOther, "address of snorkyd's frontend"},
		http.StatusNotFound:            {exitOther, "address of snorkyd's frontend"},
		http.StatusForbidden:           {exitRefused, "does not let this client in"},
		http.StatusTooManyRequests:     {exitUnreachable, "later"},
		http.StatusServiceUnavailable:  {exitUnreachable, "later"},
		http.StatusInternalServerError: {exitOther, "status 500"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
		t.Cleanup(server.Close)
		status, _, stderr := snorky(t, "", "subscribe", "--url", server.URL, "news")
		if status != int(c.status) {
			t.Errorf("%d: status %d", code, status)
		}
		contains(t, stderr, c.says)
	}
}

func TestConnectingIsInterrupted(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	r := start(t, nil, "subscribe", "--url", server.URL, "news")
	<-asked
	r.signal(interruption{os.Interrupt})
	if status := r.wait(); status != int(exitInterrupted) || r.stderr.String() != "" {
		t.Errorf("status %d, %s", status, r.stderr)
	}
}

func TestEachCloseCodeHasAMeaning(t *testing.T) {
	t.Parallel()
	place := frontend{address: "ws://h/ws"}
	for code, want := range map[wire.CloseCode]exitKind{
		wire.CloseServiceRestart:     exitUnreachable,
		wire.CloseSlowReader:         exitUnreachable,
		wire.CloseWriteTimeout:       exitUnreachable,
		wire.ClosePongTimeout:        exitUnreachable,
		wire.CloseOverloaded:         exitUnreachable,
		wire.CloseTryAgainLater:      exitUnreachable,
		wire.CloseTooManyConnections: exitUnreachable,
		wire.CloseTooManyRequests:    exitUnreachable,
		wire.CloseReplaced:           exitRefused,
		wire.ClosePolicyViolation:    exitRefused,
		wire.CloseTooBig:             exitRefused,
	} {
		f := place.explainLoss(&wire.CloseError{Code: code})
		if f.kind != want || strings.Contains(f.what, "no other reason") {
			t.Errorf("%d: status %d, %s", code, f.kind, f.what)
		}
	}
	if f := place.explainLoss(front.ErrSlowHandler); f.kind != exitUnreachable || f.hint == "" {
		t.Errorf("slow reader: %+v", f)
	}
}
