//go:build unix

package main

import (
	"bufio"
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

// gone is the stream of a journal that was stopped.
type gone struct{ err error }

func (g gone) Write([]byte) (int, error) { return 0, g.err }

func TestJournalThatComesBack(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "stdout")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := newJournalStream(gone{syscall.EPIPE})
	s.socket = socket
	defer func() { _ = s.own.Close() }()
	for range 3 { // the journal is stopped again and again
		accepted := make(chan []string, 1)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				t.Error(err)
				close(accepted)
				return
			}
			defer conn.Close()
			var got []string
			for lines := bufio.NewScanner(conn); len(got) < 8 && lines.Scan(); {
				got = append(got, lines.Text())
			}
			accepted <- got
		}()
		// Lines written between the end of a journal and its notice may be lost: the kernel takes them.
		for done := false; !done; {
			_, _ = s.Write([]byte("<6>a line\n"))
			select {
			case got := <-accepted:
				done = true
				if len(got) != 8 || got[0] != program || got[2] != "6" || got[3] != "1" || got[7] != "<6>a line" {
					t.Errorf("the journal got %q", got)
				}
			default:
			}
		}
	}
}

func TestJournalThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, err := range []error{syscall.EPIPE, syscall.ENOSPC} {
		s := newJournalStream(gone{err})
		s.socket = filepath.Join(t.TempDir(), "nothing")
		if _, got := s.Write([]byte("a line\n")); got != err {
			t.Errorf("got %v, want %v", got, err)
		}
	}
}
