package entrance

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	proxyproto "github.com/pires/go-proxyproto"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/gateway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// door accepts what has passed the entrance, and tells who it is and what it says first.
type door struct {
	t       *testing.T
	l       net.Listener
	address string
	log     lockedBuffer
	passed  chan guest
	done    sync.WaitGroup
}

type guest struct {
	from, said string
	conn       net.Conn
}

func openDoor(t *testing.T, o Options) *door {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, address: inner.Addr().String(), passed: make(chan guest, 100)}
	if o.Timeout == 0 {
		o.Timeout = trial.Patience
	}
	o.Logger = zerolog.New(&d.log)
	if d.l, err = Listen(inner, o); err != nil {
		t.Fatal(err)
	}
	d.done.Go(d.accept)
	t.Cleanup(func() {
		_ = d.l.Close()
		d.done.Wait()
	})
	return d
}

func (d *door) accept() {
	for {
		conn, err := d.l.Accept()
		if err != nil {
			return
		}
		d.done.Go(func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(trial.Patience))
			said, _ := bufio.NewReader(conn).ReadString('\n')
			d.passed <- guest{conn.RemoteAddr().String(), said, conn}
			_, _ = io.WriteString(conn, "heard\n")
		})
	}
}

func (d *door) dial() *net.TCPConn {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.address)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(trial.Patience))
	return conn.(*net.TCPConn)
}

// says sends pieces and returns who that was for the door and what it heard, or false if it was closed.
func (d *door) says(pieces ...string) (guest, bool) {
	d.t.Helper()
	conn := d.dial()
	for _, piece := range pieces {
		_, _ = io.WriteString(conn, piece)
	}
	answer, err := io.ReadAll(conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		d.t.Fatal("neither an answer nor an end")
	}
	if string(answer) != "heard\n" {
		return guest{}, false
	}
	g := <-d.passed
	if g.from == conn.LocalAddr().String() {
		g.from = "itself"
	}
	return g, true
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func trusted(t testing.TB, list ...string) gateway.Proxies {
	t.Helper()
	p, err := gateway.ParseProxies(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// version2 is a header as the library writes it; change changes it before.
func version2(t testing.TB, change func(*proxyproto.Header)) string {
	t.Helper()
	h := &proxyproto.Header{
		Version: 2, Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv4,
		SourceAddr:      &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 4711},
		DestinationAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443},
	}
	if change != nil {
		change(h)
	}
	text, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestHeaders(t *testing.T) {
	v2 := version2(t, nil)
	for name, c := range map[string]struct {
		header   string
		required string // who it is where a header is required; empty: refused
		optional string // where it is optional
	}{
		"version 1":           {"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n", "203.0.113.7:4711", "203.0.113.7:4711"},
		"version 1, IPv6":     {"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", "[2001:db8::7]:4711", "[2001:db8::7]:4711"},
		"version 1, unknown":  {"PROXY UNKNOWN\r\n", "itself", "itself"},
		"unknown, with words": {"PROXY UNKNOWN ffff:f...f:ffff 1 2 3\r\n", "itself", "itself"},
		"version 2":           {v2, "203.0.113.7:4711", "203.0.113.7:4711"},
		"version 2, IPv6": {version2(t, func(h *proxyproto.Header) {
			h.TransportProtocol = proxyproto.TCPv6
			h.SourceAddr = &net.TCPAddr{IP: net.ParseIP("2001:db8::7"), Port: 4711}
			h.DestinationAddr = &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 443}
		}), "[2001:db8::7]:4711", "[2001:db8::7]:4711"},
		"local":           {version2(t, func(h *proxyproto.Header) { h.Command, h.TransportProtocol = proxyproto.LOCAL, proxyproto.UNSPEC }), "itself", "itself"},
		"local, with one": {version2(t, func(h *proxyproto.Header) { h.Command = proxyproto.LOCAL }), "itself", "itself"},
		"Unix": {version2(t, func(h *proxyproto.Header) {
			h.TransportProtocol = proxyproto.UnixStream
			h.SourceAddr, h.DestinationAddr = &net.UnixAddr{Net: "unix", Name: "/a"}, &net.UnixAddr{Net: "unix", Name: "/b"}
		}), "itself", "itself"},
		"extras": {version2(t, func(h *proxyproto.Header) {
			if err := h.SetTLVs([]proxyproto.TLV{{Type: 0x02, Value: []byte("live.example.com")}, {Type: 0xE0, Value: make([]byte, 2000)}}); err != nil {
				t.Fatal(err)
			}
		}), "203.0.113.7:4711", "203.0.113.7:4711"},
		"UDP": {version2(t, func(h *proxyproto.Header) {
			h.TransportProtocol = proxyproto.UDPv4
			h.SourceAddr, h.DestinationAddr = &net.UDPAddr{IP: net.IPv4(1, 2, 3, 4)}, &net.UDPAddr{IP: net.IPv4(1, 2, 3, 4)}
		}), "itself", "itself"},
		"none":               {"", "", "itself"},
		"lower case":         {"proxy TCP4 203.0.113.7 192.0.2.1 4711 443\r\n", "", "other"},
		"version 1, no port": {"PROXY TCP4 203.0.113.7 192.0.2.1\r\n", "", ""},
		"version 1, name":    {"PROXY TCP4 a.example 192.0.2.1 1 2\r\n", "", ""},
		"version 1, mixed":   {"PROXY TCP4 2001:db8::7 192.0.2.1 1 2\r\n", "", ""},
		"version 1, port":    {"PROXY TCP4 203.0.113.7 192.0.2.1 70000 2\r\n", "", ""},
		"version 1, long":    {"PROXY TCP4 " + strings.Repeat("1", 200) + "\r\n", "", ""},
		"version 1, newline": {"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\n", "", ""},
		"version 3":          {v2[:12] + "\x31" + v2[13:], "", ""},
		"bad family":         {v2[:13] + "\x51" + v2[14:], "", ""},
		"too short":          {v2[:14] + "\x00\x04" + v2[16:20], "", ""},
		"too long":           {v2[:14] + "\xff\xff" + v2[16:], "", ""},
		"signature, garbage": {v2[:11] + "XXXXX\n", "", "other"},
	} {
		t.Run(name, func(t *testing.T) {
			for policy, want := range map[Policy]string{Required: c.required, Optional: c.optional} {
				d := openDoor(t, Options{Proxy: policy, Proxies: trusted(t, "loopback")})
				for _, pieces := range [][]string{{c.header + "hello\n"}, {c.header, "hello\n"}, strings.SplitAfter(c.header+"hello\n", "")} {
					g, ok := d.says(pieces...)
					switch want {
					case "":
						if ok {
							t.Errorf("policy %d: %q got in", policy, pieces)
						}
					case "other": // is left to HTTP, whatever it is
						if !ok || g.from != "itself" || strings.HasPrefix(g.said, "hello") {
							t.Errorf("policy %d: %q is %+v, %v", policy, pieces, g, ok)
						}
					default:
						if !ok || g.from != want || g.said != "hello\n" {
							t.Errorf("policy %d: %q is %+v, %v, want %s", policy, pieces, g, ok, want)
						}
					}
				}
				if log := d.log.String(); want == "" != strings.Contains(log, "a connection was closed before its first request") {
					t.Errorf("policy %d: the log says %q", policy, log)
				}
			}
		})
	}
}

// Who is not trusted cannot say who it is.
func TestHeaderOfStrangers(t *testing.T) {
	header := "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n"
	d := openDoor(t, Options{Proxy: Optional, Proxies: trusted(t, "192.0.2.0/24", "unix")})
	if g, ok := d.says(header); !ok || g.from != "itself" || g.said != header {
		t.Errorf("optional: %+v, %v", g, ok)
	}
	d = openDoor(t, Options{Proxy: Required, Proxies: trusted(t, "192.0.2.0/24")})
	for range 20 {
		if g, ok := d.says(header, "hello\n"); ok {
			t.Errorf("required: %+v", g)
		}
	}
	trial.Eventually(t, "it is logged", func() bool { return strings.Contains(d.log.String(), errStranger.Error()) })
	if n := strings.Count(d.log.String(), "\n"); n > 10 {
		t.Errorf("%d lines for 20 connections", n)
	}
}

// Headers that do not go on, in whatever way, are cut off in time and hold up nobody meanwhile.
func TestSlowHeaders(t *testing.T) {
	d := openDoor(t, Options{Proxy: Required, Proxies: trusted(t, "loopback"), Timeout: 2 * time.Second})
	var slow []*net.TCPConn
	for _, begun := range []string{"", "P", "PROXY TCP4 203", "\r\n\r\n", version2(t, nil)[:20]} {
		conn := d.dial()
		_, _ = io.WriteString(conn, begun)
		slow = append(slow, conn)
	}
	dripping := d.dial()
	var drip sync.WaitGroup
	drip.Go(func() {
		ticks := time.NewTicker(50 * time.Millisecond)
		defer ticks.Stop()
		for _, b := range []byte("PROXY UNKNOWN" + strings.Repeat(" 1", 1000)) {
			if _, err := dripping.Write([]byte{b}); err != nil {
				return
			}
			<-ticks.C
		}
	})
	if g, ok := d.says("PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\nhello\n"); !ok || g.from != "203.0.113.7:4711" {
		t.Errorf("beside slow ones: %+v, %v", g, ok)
	}
	for _, conn := range append(slow, dripping) {
		if n, err := conn.Read(make([]byte, 1)); n != 0 || isTimeout(err) {
			t.Errorf("read %d bytes, %v", n, err)
		}
	}
	drip.Wait()
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// Who says nothing and goes is not worth a line: so do the checks of balancers.
func TestSilentVisitors(t *testing.T) {
	a := trial.NewAuthority(t)
	for _, o := range []Options{{Proxy: Required, Proxies: trusted(t, "loopback")}, {TLS: serverTLS(t, a)}} {
		d := openDoor(t, o)
		conn := d.dial()
		_ = conn.CloseWrite()
		if n, err := conn.Read(make([]byte, 1)); n != 0 || isTimeout(err) {
			t.Errorf("read %d bytes, %v", n, err)
		}
		if log := d.log.String(); log != "" {
			t.Errorf("the log says %s", log)
		}
	}
}

// Close ends what is under way, and nothing stays.
func TestClose(t *testing.T) {
	d := openDoor(t, Options{Proxy: Required, Proxies: trusted(t, "loopback")})
	waiting := d.dial()
	_, _ = io.WriteString(waiting, "PROXY ")
	if _, ok := d.says("PROXY UNKNOWN\r\nhello\n"); !ok {
		t.Error("refused")
	}
	_ = d.l.Close()
	d.done.Wait()
	if n, err := waiting.Read(make([]byte, 1)); n != 0 || isTimeout(err) {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if _, err := d.l.Accept(); err != net.ErrClosed {
		t.Errorf("accepting afterwards: %v", err)
	}
	if err := d.l.Close(); err != net.ErrClosed {
		t.Errorf("closing twice: %v", err)
	}
	if log := d.log.String(); log != "" {
		t.Errorf("the log says %s", log)
	}
}

// failing has no descriptors left, twice.
type failing struct {
	net.Listener
	mu   sync.Mutex
	left int
}

var errFull = errors.New("too many open files")

func (f *failing) Accept() (net.Conn, error) {
	f.mu.Lock()
	f.left--
	left := f.left
	f.mu.Unlock()
	if left >= 0 {
		return nil, errFull
	}
	return f.Listener.Accept()
}

// Errors go to whoever accepts, who knows to wait.
func TestFailingAccept(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen(&failing{Listener: inner, left: 2}, Options{Proxy: Optional, Proxies: trusted(t, "loopback")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 2 {
		if _, err := l.Accept(); err != errFull {
			t.Fatalf("got %v", err)
		}
	}
	client, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, _ = io.WriteString(client, "hello\n")
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestNothingToPass(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	if l, err := Listen(inner, Options{}); l != inner || err != nil {
		t.Errorf("got %T, %v", l, err)
	}
	unix, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	if _, err := Listen(unix, Options{Proxy: Optional}); err != ErrNotTCP {
		t.Errorf("PROXY headers on a Unix socket: %v", err)
	}
	if l, err := Listen(unix, Options{}); l != unix || err != nil {
		t.Errorf("got %T, %v", l, err)
	}
}

// FuzzHeader checks that no header, however wrong, does harm, and that those which come through leave what follows.
func FuzzHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\nGET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte(version2(f, nil) + "GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer inner.Close()
		client, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		server, err := inner.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		_, _ = client.Write(sent)
		_ = client.(*net.TCPConn).CloseWrite()
		l := &Listener{options: Options{Proxy: Optional, Proxies: trusted(t, "loopback")}}
		conn, err := l.readHeader(server)
		if err != nil {
			return
		}
		rest, _ := io.ReadAll(conn)
		if !bytes.HasSuffix(sent, rest) || conn.RemoteAddr() == nil {
			t.Fatalf("%q leaves %q", sent, rest)
		}
		_, _ = http.ReadRequest(bufio.NewReader(bytes.NewReader(rest)))
	})
}

// Who has passed has a place until somebody accepts him, so that a door that is in no hurry has no endless queue before it,
// and is not sent away meanwhile.
func TestPassedAndWaiting(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen(inner, Options{Proxy: Optional, Timeout: trial.Patience})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	door := l.(*Listener)
	door.SetMax(2)
	const guests = 10
	for range guests {
		conn, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	for i := range guests {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		trial.Eventually(t, "the next ones stand at the door", func() bool {
			now, _ := door.Passing()
			return now == min(3, guests-1-i)
		})
	}
	if _, evicted := door.Passing(); evicted != 0 {
		t.Errorf("%d were sent away", evicted)
	}
}
