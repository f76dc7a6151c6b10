package gateway

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
)

// hangingUp is a broker that closes what it gets, so that the client's end of a benchmark costs the same everywhere.
type hangingUp struct{}

func (hangingUp) Attach(a actors.Attachment) error {
	err := a.Conn.Close()
	a.Door.Closed(a.Remote, 1000)
	return err
}

// BenchmarkHandshake gives the time of a connection with a handshake and what it allocates, both ends together. The
// client has the same part in all; with "no server" there is only it and somebody who accepts and answers.
func BenchmarkHandshake(b *testing.B) {
	const limit = 10 * time.Second
	h := New(hangingUp{}, Options{})
	mux := http.NewServeMux()
	mux.Handle("/ws", h)
	server := func(b *testing.B, l net.Listener) (stop func()) {
		s := &http.Server{Handler: mux, ReadHeaderTimeout: limit, ReadTimeout: 3 * limit, WriteTimeout: 5 * limit}
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(l) }()
		return func() {
			_ = s.Close()
			if err := <-ended; err != http.ErrServerClosed {
				b.Error(err)
			}
		}
	}
	b.Run("no server", func(b *testing.B) { benchmarkHandshake(b, answerBlindly) })
	b.Run("net/http", func(b *testing.B) { benchmarkHandshake(b, server) })
	b.Run("Listener", func(b *testing.B) {
		benchmarkHandshake(b, func(b *testing.B, l net.Listener) func() {
			return server(b, NewListener(l, h, ListenerOptions{HeaderTimeout: limit, Mux: mux}))
		})
	})
}

func answerBlindly(_ *testing.B, l net.Listener) (stop func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		answer := []byte("HTTP/1.1 101 Switching Protocols\r\n\r\n")
		buffer := make([]byte, 1000)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(buffer)
			_, _ = conn.Write(answer)
			_ = conn.Close()
		}
	}()
	return func() {
		_ = l.Close()
		<-ended
	}
}

func benchmarkHandshake(b *testing.B, serve func(*testing.B, net.Listener) (stop func())) {
	l, err := (&net.ListenConfig{KeepAlive: -1}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer serve(b, l)()
	dialer := net.Dialer{KeepAlive: -1}
	sent := []byte(handshake(l.Addr().String()))
	buffer := make([]byte, 1000)
	b.ReportAllocs()
	for b.Loop() {
		conn, err := dialer.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Write(sent); err != nil {
			b.Fatal(err)
		}
		n, err := conn.Read(buffer)
		if err != nil || string(buffer[:12]) != "HTTP/1.1 101" {
			b.Fatalf("got %q, %v", buffer[:n], err)
		}
		if _, err := conn.Read(buffer); err != io.EOF {
			b.Fatal(err)
		}
		_ = conn.Close()
	}
}
