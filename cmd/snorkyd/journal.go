package main

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// journalSocket is where journald makes a stream for whoever connects.
const journalSocket = "/run/systemd/journal/stdout"

// journalHeader is what it wants to know first (systemd's journald-stream.c): the name, no unit, which it knows by the
// process; the priority of lines without one; that lines may begin with one; and that they go nowhere else.
const journalHeader = program + "\n\n6\n1\n0\n0\n0\n"

// journalTime bounds what a journal takes to be there again.
const journalTime = time.Second

// journalStream writes to the journal, also after a journal that was stopped and came back. When journald is killed,
// systemd keeps its ends of the streams for the next one, and nothing has to be done; when it is stopped they are closed,
// and the process would be mute for good. It is for one goroutine, and lives as long as the process.
type journalStream struct {
	to     io.Writer
	socket string
	own    net.Conn // nil: to is what systemd has given
}

func newJournalStream(to io.Writer) *journalStream {
	return &journalStream{to: to, socket: journalSocket}
}

// Write makes a second attempt on a new stream. A journal that is not there has the lines lost.
func (s *journalStream) Write(lines []byte) (int, error) {
	n, err := s.to.Write(lines)
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.ENOTCONN) {
		return n, err
	}
	if opened := s.reopen(); opened != nil {
		return n, err
	}
	return s.to.Write(lines)
}

func (s *journalStream) reopen() error {
	ctx, cancel := context.WithTimeout(context.Background(), journalTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", s.socket)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(conn, journalHeader); err != nil {
		_ = conn.Close()
		return err
	}
	if s.own != nil {
		_ = s.own.Close()
	}
	s.to, s.own = conn, conn
	return nil
}
