//go:build linux

package main

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 6455 wants it; nothing is kept secret by it
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// readers are shared, since they would be most of what an idle connection costs.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// serve answers requests until one of them makes the connection a subscriber, or there are no more.
func serve(conn net.Conn, all fanout, leaving watch) {
	br := readers.Get().(*bufio.Reader)
	br.Reset(conn)
	defer func() {
		_ = conn.Close()
		br.Reset(nil)
		readers.Put(br)
	}()
	for {
		r, err := readRequest(br)
		if err != nil {
			return
		}
		if r.key != "" {
			_ = subscribe(conn, br, r.key, all, leaving) // it left while it came
			return
		}
		frame, body := newFrame(len(prefix) + r.length + len(suffix))
		n := copy(body, prefix)
		if _, err := io.ReadFull(br, body[n:n+r.length]); err != nil {
			return
		}
		copy(body[n+r.length:], suffix)
		all.publish(frame)
		if _, err := conn.Write(published); err != nil {
			return
		}
	}
}

var published = []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

// request is what matters of the head of one.
type request struct {
	key    string // of the handshake of a WebSocket
	length int    // of the body
}

const longestBody = 60 << 10

func readRequest(br *bufio.Reader) (r request, err error) {
	for {
		line, err := br.ReadSlice('\n')
		if err != nil {
			return r, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			return r, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Sec-WebSocket-Key")):
			r.key = string(bytes.TrimSpace(value))
		case bytes.EqualFold(name, []byte("Content-Length")):
			r.length, err = strconv.Atoi(string(bytes.TrimSpace(value)))
			if err != nil || r.length < 0 || r.length > longestBody {
				return r, errors.New("not a length")
			}
		}
	}
}

// These are what Snorky sends, so that both move the same bytes.
const (
	confirmation = `{"service":"pubsub","message":{"type":"response","callId":1,"data":null}}`
	prefix       = `{"service":"pubsub","message":{"type":"message","channel":"c0","message":`
	suffix       = "}}"
)

// subscribe answers the handshake and takes the first frame, whatever it says, for a subscription. The socket goes over
// to a share, as a descriptor of its own.
func subscribe(conn net.Conn, br *bufio.Reader, key string, all fanout, leaving watch) error {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
	_, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	if err != nil {
		return err
	}
	if err := skipFrame(br); err != nil {
		return err
	}
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	fd := -1
	var failed error
	err = raw.Control(func(original uintptr) {
		fd, failed = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	frame, body := newFrame(len(confirmation))
	copy(body, confirmation)
	all.add(fd, frame)
	return leaving.add(fd)
}

func skipFrame(br *bufio.Reader) error {
	const maskSize = 4
	var head [2]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return err
	}
	size := int(head[1] & 127)
	if size == 126 {
		if _, err := io.ReadFull(br, head[:]); err != nil {
			return err
		}
		size = int(binary.BigEndian.Uint16(head[:]))
	}
	_, err := br.Discard(size + maskSize)
	return err
}

// newFrame makes room for a text frame of a server (RFC 6455, 5.2) with a payload of less than 64 KiB.
func newFrame(size int) (frame, payload []byte) {
	if size < 126 {
		frame = append(make([]byte, 0, 2+size), 0x81, byte(size))
	} else {
		frame = binary.BigEndian.AppendUint16(append(make([]byte, 0, 4+size), 0x81, 126), uint16(size))
	}
	head := len(frame)
	frame = frame[:head+size]
	return frame, frame[head:]
}
