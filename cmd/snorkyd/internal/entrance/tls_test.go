package entrance

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

func serverTLS(t *testing.T, a *trial.Authority) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.Issue(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
}

func TestTLS(t *testing.T) {
	a := trial.NewAuthority(t)
	d := openDoor(t, Options{TLS: serverTLS(t, a), Proxy: Optional, Proxies: trusted(t, "loopback")})
	for header, from := range map[string]string{"": "", "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n": "203.0.113.7:4711"} {
		conn := d.dial()
		_, _ = io.WriteString(conn, header)
		config := a.Client()
		config.ServerName = "127.0.0.1"
		c := tls.Client(conn, config)
		if _, err := io.WriteString(c, "hello\n"); err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(c); string(answer) != "heard\n" || err != nil {
			t.Errorf("%q, %v", answer, err)
		}
		if from == "" {
			from = conn.LocalAddr().String()
		}
		if g := <-d.passed; g.from != from || g.said != "hello\n" {
			t.Errorf("%+v, want %s", g, from)
		} else if _, ok := g.conn.(*tls.Conn); !ok {
			t.Errorf("a %T, which net/http does not take for TLS", g.conn)
		}
	}
}

// Who does not speak TLS, or not ours, is told so and goes at once.
func TestNoTLS(t *testing.T) {
	a := trial.NewAuthority(t)
	d := openDoor(t, Options{TLS: serverTLS(t, a)})
	for sent, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n":                               "HTTP/1.0 400 Bad Request\r\n",
		"POST /backend HTTP/1.1\r\n" + strings.Repeat("X-A: b\r\n", 5000): "HTTP/1.0 400 Bad Request\r\n",
		"PROXY UNKNOWN\r\n":             "",
		strings.Repeat("\x81\x85", 100): "",
	} {
		conn := d.dial()
		_, _ = io.WriteString(conn, sent)
		answer, err := io.ReadAll(conn)
		if isTimeout(err) || want != "" && !strings.HasPrefix(string(answer), want) || strings.Contains(string(answer), "heard") {
			t.Errorf("%.20q: %q, %v", sent, answer, err)
		}
	}
	for name, change := range map[string]func(*tls.Config){
		"HTTP/2 only":      func(c *tls.Config) { c.NextProtos = []string{"h2"} },
		"TLS 1.1":          func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"other authority":  func(c *tls.Config) { c.RootCAs = trial.NewAuthority(t).Client().RootCAs },
		"certificate name": func(c *tls.Config) { c.ServerName = "evil.example" },
	} {
		conn := d.dial()
		config := a.Client()
		config.ServerName = "127.0.0.1"
		change(config)
		if err := tls.Client(conn, config).Handshake(); err == nil || isTimeout(err) {
			t.Errorf("%s: %v", name, err)
		}
		_ = conn.Close()
	}
	trial.Eventually(t, "the log says why", func() bool {
		log := d.log.String()
		return strings.Contains(log, "HTTP came where TLS is spoken") && strings.Contains(log, "TLS handshake: ")
	})
}

// A handshake that stalls is cut off in time and holds up nobody.
func TestStalledHandshakes(t *testing.T) {
	a := trial.NewAuthority(t)
	d := openDoor(t, Options{TLS: serverTLS(t, a), Timeout: 2 * time.Second})
	var stalled []*net.TCPConn
	for _, begun := range []string{"", "\x16", "\x16\x03\x01\x40\x00\x01\x00"} {
		for range 20 {
			conn := d.dial()
			_, _ = io.WriteString(conn, begun)
			stalled = append(stalled, conn)
		}
	}
	config := a.Client()
	config.ServerName = "127.0.0.1"
	quick := tls.Client(d.dial(), config)
	if err := quick.Handshake(); err != nil {
		t.Errorf("beside stalled ones: %v", err)
	}
	_, _ = io.WriteString(quick, "hello\n")
	for _, conn := range stalled {
		if _, err := io.ReadAll(conn); isTimeout(err) {
			t.Error("not cut off")
		}
	}
}

// pipes is a listener of connections that are made by hand, for tests in which time stands still.
type pipes struct {
	net.Listener
	conns chan net.Conn
}

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error {
	close(p.conns)
	return nil
}

func (pipes) Addr() net.Addr { return &net.UnixAddr{} }

// deaf is a connection of which nothing is read.
type deaf struct {
	net.Conn
	closed chan struct{}
}

func (d deaf) Read([]byte) (int, error) {
	<-d.closed
	return 0, net.ErrClosed
}

// Who has begun a handshake is not taken for silent while this side is at work.
func TestBegunHandshakesAreNotSilent(t *testing.T) {
	a := trial.NewAuthority(t)
	config, said := serverTLS(t, a), a.Client()
	said.ServerName = "127.0.0.1"
	synctest.Test(t, func(t *testing.T) {
		inner := pipes{conns: make(chan net.Conn)}
		ln, err := Listen(inner, Options{TLS: config, Max: 1, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		l := ln.(*Listener)
		var accepting, client sync.WaitGroup
		accepting.Go(func() { _, _ = l.Accept() })
		closed := make(chan struct{})
		var ends []net.Conn
		for range 2 {
			mine, theirs := net.Pipe()
			ends = append(ends, mine)
			inner.conns <- theirs
		}
		<-time.After(1500 * time.Millisecond)
		for _, conn := range ends {
			client.Go(func() { _ = tls.Client(deaf{conn, closed}, said).Handshake() })
		}
		for _, c := range []struct {
			after   time.Duration
			evicted int64
		}{{time.Second, 0}, {1500 * time.Millisecond, 1}} {
			<-time.After(c.after)
			if _, evicted := l.Passing(); evicted != c.evicted {
				t.Errorf("%v later %d were closed", c.after, evicted)
			}
		}
		_ = l.Close()
		close(closed)
		for _, conn := range ends {
			_ = conn.Close()
		}
		client.Wait()
		accepting.Wait()
	})
}
