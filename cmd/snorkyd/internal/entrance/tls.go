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

// secure shakes hands. It blocks as long as the deadline of the connection allows.
func secure(conn net.Conn, config *tls.Config) (net.Conn, error) {
	c := tls.Server(conn, config)
	err := c.HandshakeContext(context.Background()) // whoever closes the listener closes the connection
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
