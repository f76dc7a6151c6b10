package backendapi

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// parts is a connection whose reads give at most so many bytes.
type parts struct {
	net.Conn
	data []byte
	size int
}

func (p *parts) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(p.size, len(b))], p.data)
	p.data = p.data[n:]
	return n, nil
}

func passedOn(data []byte, size int) (passed []byte, err error) {
	return io.ReadAll(&framingConn{Conn: &parts{data: data, size: size}, first: true})
}

// What is let through is the same however the bytes arrive, and never more than arrived.
func FuzzFraming(f *testing.F) {
	f.Add([]byte(post("", "{}")+hidden), 1)
	f.Add([]byte("POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 3)
	f.Add([]byte("POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n0\r\n\r\nX: \n y"), 7)
	f.Add([]byte("\r\n\nGET / HTTP/1.1\r\ncontent-length: 99999999999999999999999999999999999999999999999999999999999\r\n\r\n"), 5)
	f.Add([]byte("GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n"), 2)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if size < 1 {
			size = 1
		}
		whole, wholeErr := passedOn(bytes.Clone(data), len(data)+1)
		split, splitErr := passedOn(bytes.Clone(data), size)
		if !bytes.HasPrefix(data, whole) || !bytes.HasPrefix(data, split) {
			t.Fatalf("%q became %q or %q", data, whole, split)
		}
		if (wholeErr == nil) != (splitErr == nil) || wholeErr != nil && !errors.Is(wholeErr, errFraming) {
			t.Fatalf("%q: %v in one piece, %v in pieces of %d", data, wholeErr, splitErr, size)
		}
		if wholeErr == nil && len(whole) != len(data) || wholeErr == nil && len(split) != len(data) {
			t.Fatalf("%q: only %q came through", data, whole)
		}
	})
}

func TestFramingFailureLasts(t *testing.T) {
	conn := &framingConn{Conn: &parts{data: []byte("GET / HTTP/1.1\r\n folded\r\n\r\nGET / HTTP/1.1\r\n"), size: 1000}, first: true}
	passed, err := io.ReadAll(conn)
	if !errors.Is(err, errFraming) || string(passed) != "GET / HTTP/1.1\r\n" {
		t.Fatalf("got %q, %v", passed, err)
	}
	if n, err := conn.Read(make([]byte, 100)); n != 0 || !errors.Is(err, errFraming) {
		t.Errorf("later %d, %v", n, err)
	}
	conn = &framingConn{Conn: &parts{data: []byte("GET / HTTP/1.1\r\n folded\r\n"), size: 16}, first: true}
	if passed, err = io.ReadAll(conn); !errors.Is(err, errFraming) || string(passed) != "GET / HTTP/1.1\r\n" {
		t.Errorf("in two reads: %q, %v", passed, err)
	}
}
