package entrance

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// plainRefusal is for who speaks HTTP to a door of TLS, in the words of net/http.
const plainRefusal = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
	"Client sent an HTTP request to an HTTPS server.\n"

// socket is the key of a connection as it was accepted, in the context of its handshake.
type socket struct{}

// listening is config with a function that is told when the first message of a client has come: what follows takes this
// side time, too.
func listening(config *tls.Config, said func(io.Closer)) *tls.Config {
	config = config.Clone()
	choose := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		said(hello.Context().Value(socket{}).(net.Conn))
		if choose == nil {
			return nil, nil //nolint:nilnil // to crypto/tls, it is the configuration that it has
		}
		return choose(hello)
	}
	return config
}

// secure shakes hands on conn, which is what was accepted, or around it. It blocks as long as the
// deadline of the connection allows.
func secure(accepted, conn net.Conn, config *tls.Config) (net.Conn, error) {
	c := tls.Server(conn, config)
	err := c.HandshakeContext(context.WithValue(context.Background(), socket{}, accepted)) // whoever closes the listener closes the connection
	if err == nil {
		return c, nil
	}
	if odd, ok := errors.AsType[tls.RecordHeaderError](err); ok && odd.Conn != nil && looksLikeHTTP(odd.RecordHeader) {
		refuse(conn)
		return nil, errors.New("HTTP came where TLS is spoken")
	}
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	return nil, fmt.Errorf("TLS handshake: %w", err)
}

// lastReading is what a refused client has to read why, and what of its request is read away meanwhile: a connection that
// is closed with something unread loses what was written last.
const (
	lastReading = 500 * time.Millisecond
	lastUnread  = 64 << 10
)

func refuse(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(lastReading))
	_, _ = io.WriteString(conn, plainRefusal)
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, conn, lastUnread)
}

// looksLikeHTTP knows the beginnings of the methods that there are.
func looksLikeHTTP(head [5]byte) bool {
	switch string(head[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET", "CONNE":
		return true
	}
	return false
}
