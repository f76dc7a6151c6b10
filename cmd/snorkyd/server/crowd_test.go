package server_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// manners are what is done with a connection to one of the doors, which is closed in the end by somebody.
var manners = map[string]func(t *testing.T, conn net.Conn, s *server.Server){
	"websocket": func(t *testing.T, conn net.Conn, s *server.Server) {
		if socket, status := trial.Shake(t, conn, s.Addr(), ""); socket == nil {
			t.Errorf("handshake: status %d", status)
		}
	},
	"by net/http": func(t *testing.T, conn net.Conn, s *server.Server) {
		if socket, status := trial.Shake(t, conn, s.Addr(), "?odd"); socket == nil {
			t.Errorf("handshake: status %d", status)
		}
	},
	"wrong page": func(t *testing.T, conn net.Conn, s *server.Server) {
		if _, status := trial.Shake(t, conn, s.Addr(), "", "Origin: https://evil.example"); status != http.StatusForbidden {
			t.Errorf("wrong page: status %d", status)
		}
	},
	"kept alive": func(t *testing.T, conn net.Conn, _ *server.Server) {
		in := bufio.NewReader(conn)
		for range 3 {
			requestOn(t, conn, in, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusOK)
		}
	},
	"reused for a websocket": func(t *testing.T, conn net.Conn, s *server.Server) {
		requestOn(t, conn, bufio.NewReader(conn), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusOK)
		if socket, status := trial.Shake(t, conn, s.Addr(), ""); socket == nil {
			t.Errorf("handshake: status %d", status)
		}
	},
	"garbage": say("\x00\x01garbage\r\n\r\n"),
	"half":    say("GET /ws HTTP/1.1\r\nHo"),
	"body":    say("POST /ws HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"),
	"silent":  say(""),
	"gone":    func(*testing.T, net.Conn, *server.Server) {},
	"half, gone": func(_ *testing.T, conn net.Conn, _ *server.Server) {
		_, _ = io.WriteString(conn, "GET /ws HTTP/1.1\r\nHo")
	},
}

// backendManners are the same at the backend.
var backendManners = map[string]func(t *testing.T, conn net.Conn, s *server.Server){
	"lane": func(t *testing.T, conn net.Conn, s *server.Server) {
		in := bufio.NewReader(conn)
		for range 3 {
			requestOn(t, conn, in, publication(s.Key(), ""), http.StatusOK)
		}
	},
	"from lane to net/http": func(t *testing.T, conn net.Conn, s *server.Server) {
		in := bufio.NewReader(conn)
		requestOn(t, conn, in, publication(s.Key(), ""), http.StatusOK)
		requestOn(t, conn, in, publication(s.Key(), "Expect: \r\n"), http.StatusOK)
		requestOn(t, conn, in, publication(s.Key(), ""), http.StatusOK)
	},
	"wrong key": func(t *testing.T, conn net.Conn, _ *server.Server) {
		requestOn(t, conn, bufio.NewReader(conn), publication("wrong", ""), http.StatusUnauthorized)
	},
	"garbage":    say("\x00\x01garbage\r\n\r\n"),
	"half":       say("POST /backend HTTP/1.1\r\nHo"),
	"silent":     say(""),
	"gone":       func(*testing.T, net.Conn, *server.Server) {},
	"half, gone": func(_ *testing.T, conn net.Conn, _ *server.Server) { _, _ = io.WriteString(conn, "POST /ba") },
}

// rounds are how often each visitor comes back, of those who need not be waited for.
var rounds = map[string]int{
	"websocket": 20, "by net/http": 10, "wrong page": 10, "kept alive": 20, "reused for a websocket": 10, "gone": 20, "half, gone": 20,
	"lane": 20, "from lane to net/http": 20, "wrong key": 20,
}

// say says something and waits until the server hangs up.
func say(text string) func(t *testing.T, conn net.Conn, s *server.Server) {
	return func(_ *testing.T, conn net.Conn, _ *server.Server) {
		_, _ = io.WriteString(conn, text)
		_, _ = io.Copy(io.Discard, conn)
	}
}

func publication(key, lines string) string {
	const body = `{"service":"pubsub_backend","message":{"command":"publish","params":{"channel":"news","message":1},"callId":1}}`
	return fmt.Sprintf("POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: %s\r\n%sContent-Length: %d\r\n\r\n%s", key, lines, len(body), body)
}

func requestOn(t *testing.T, conn net.Conn, in *bufio.Reader, request string, want int) {
	_, _ = io.WriteString(conn, request)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Errorf("%.20q: %v", request, err)
		return
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.StatusCode != want {
		t.Errorf("%.20q: status %s", request, response.Status)
	}
}

// Whatever becomes of a connection, its place at the door is free again in the end: otherwise the door would close itself,
// little by little.
func TestEveryPlaceAtTheDoorsIsGivenBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ proxy, tls bool }{
		"plain": {}, "proxy": {proxy: true}, "tls": {tls: true}, "proxy and tls": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, authority := local(), trial.NewAuthority(t)
			if c.tls {
				cfg = secured(t, authority)
			}
			if c.proxy {
				cfg.TrustedProxies, cfg.ProxyProtocol, cfg.BackendProxyProtocol = []string{"loopback"}, "required", "required"
			}
			cfg.HeaderTimeout, cfg.IdleTimeout = 5*time.Second, 2*time.Second
			s := boot(t, cfg)
			visitors := 10
			if c.tls {
				visitors = 2 // it takes its time
			}
			var busy sync.WaitGroup
			visit := func(address, name string, do func(*testing.T, net.Conn, *server.Server)) {
				for range visitors {
					busy.Go(func() {
						for range rounds[name] + 1 {
							if conn := comeIn(t, address, name, c.proxy, c.tls, authority); conn != nil {
								do(t, conn, s)
								_ = conn.Close()
							}
						}
					})
				}
			}
			for name, do := range manners {
				visit(s.Addr(), name, do)
			}
			for name, do := range backendManners {
				visit(s.BackendAddr(), name, do)
			}
			busy.Wait()
			trial.Eventually(t, "everybody has left", func() bool {
				p := s.Pressure()
				return p.Handshakes == 0 && p.BackendConnections == 0 && s.Broker().Stats().Connections == 0
			})
			if p := s.Pressure(); p.HandshakesEvicted != 0 || p.BackendEvicted != 0 {
				t.Errorf("somebody had to go: %+v", p)
			}
		})
	}
}

func comeIn(t *testing.T, address, name string, proxy, secure bool, a *trial.Authority) net.Conn {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return nil
	}
	_ = conn.SetDeadline(time.Now().Add(trial.Patience))
	if proxy && name != "silent" {
		_, _ = io.WriteString(conn, "PROXY TCP4 192.0.2.7 192.0.2.1 40000 443\r\n")
	}
	if secure && name != "silent" && name != "garbage" {
		config := a.Client()
		config.ServerName = "127.0.0.1"
		return tls.Client(conn, config)
	}
	return conn
}

// A body that is promised and does not come holds no place at the door, whatever the time that requests have.
func TestUnwantedBodies(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.HeaderTimeout = time.Hour
	s := boot(t, cfg)
	for _, path := range []string{"/ws", "/healthz", "/snorky.js", "/snorky.mjs", "/nothing"} {
		for _, body := range []string{"Content-Length: 100", "Content-Length: 1000000", "Transfer-Encoding: chunked"} {
			for _, method := range []string{"GET", "POST"} {
				t.Run(method+" "+path+" "+body, func(t *testing.T) {
					t.Parallel()
					conn := comeIn(t, s.Addr(), "", false, false, nil)
					if conn == nil {
						return
					}
					defer conn.Close()
					fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", method, path, body)
					said, err := io.ReadAll(conn)
					if !bytes.HasPrefix(said, []byte("HTTP/1.1 ")) || err != nil {
						t.Errorf("got %.20q, %v", said, err)
					}
				})
			}
		}
	}
}
