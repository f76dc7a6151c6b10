//go:build linux

package main

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // RFC 6455 wants it; nothing is kept secret by it
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
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
		key, length, err := readRequest(br)
		if err != nil {
			return
		}
		if key != "" {
			_ = subscribe(conn, br, key, all, leaving) // it left while it came
			return
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(br, body); err != nil {
			return
		}
		all.publish(frame(envelope(body)))
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
			return
		}
	}
}

// readRequest reads a head, of which the two lines matter.
func readRequest(br *bufio.Reader) (key string, length int, err error) {
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return "", 0, err
		}
		line = strings.TrimSpace(line)
		if line == "" {
			return key, length, nil
		}
		name, value, _ := strings.Cut(line, ":")
		switch {
		case strings.EqualFold(name, "Sec-WebSocket-Key"):
			key = strings.TrimSpace(value)
		case strings.EqualFold(name, "Content-Length"):
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 {
				return "", 0, errors.New("not a length")
			}
		}
	}
}

// confirmation and envelope are what Snorky sends, so that both move the same bytes.
const confirmation = `{"service":"pubsub","message":{"type":"response","callId":1,"data":null}}`

func envelope(message []byte) []byte {
	e := []byte(`{"service":"pubsub","message":{"type":"message","channel":"c0","message":`)
	e = append(e, message...)
	return append(e, "}}"...)
}

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
	if _, err := conn.Write(frame([]byte(confirmation))); err != nil {
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
	all.add(fd)
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

// frame makes a text frame of a server (RFC 6455, 5.2), of a payload of less than 64 KiB.
func frame(payload []byte) []byte {
	if len(payload) < 126 {
		return append([]byte{0x81, byte(len(payload))}, payload...)
	}
	head := binary.BigEndian.AppendUint16([]byte{0x81, 126}, uint16(len(payload)))
	return append(head, payload...)
}
