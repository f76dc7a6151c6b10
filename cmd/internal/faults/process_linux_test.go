package faults_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A process without descriptors serves those who are there, does not spin, and takes new clients as soon as it can.
func TestOutOfDescriptors(t *testing.T) {
	t.Parallel()
	p := run(t)
	var limit unix.Rlimit
	must(t, unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &limit))
	limit.Cur = uint64(p.descriptors() + 20)
	must(t, unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil))
	var crowd []io.Closer
	for range 200 {
		conn := connect(t, p.front)
		_, _ = io.WriteString(conn, handshake(p.front, ""))
		crowd = append(crowd, conn)
	}
	eventually(t, "the log tells", func() bool { return strings.Contains(p.log.String(), "too many open files") })
	before := p.cpu()
	<-time.After(time.Second)
	if spent := p.cpu() - before; spent > 40 {
		t.Errorf("%d ms of computing in an idle second", 10*spent)
	}
	p.well(t)
	for _, conn := range crowd {
		_ = conn.Close()
	}
	p.alive(stranger)
	if lines := strings.Count(p.log.String(), "\n"); lines > 300 {
		t.Errorf("%d lines in the log", lines)
	}
}

// However a connection ends, its descriptor is free.
func TestDescriptorsAreGivenBack(t *testing.T) {
	t.Parallel()
	p := run(t)
	before := p.descriptors()
	for range 20 {
		polite, faulty, half, gone := p.dial(t), p.dial(t), p.dial(t), p.dial(t)
		polite.raw(frame(closing, "\x03\xe8bye"))
		faulty.raw([]byte{0xff, 0xff})
		must(t, half.conn.CloseWrite())
		reset(gone.conn)
		for _, c := range []*socket{polite, faulty, half} {
			ends(t, c.conn) // while this end is open
		}
		for _, address := range []string{p.front, p.back} {
			_ = connect(t, address).Close()
			cut := connect(t, address)
			_, _ = io.WriteString(cut, backendHead)
			reset(cut)
		}
	}
	eventually(t, "no descriptor is left", func() bool { return p.descriptors() <= before })
	p.alive(stranger)
}

// A process that is stopped for a while, and one that is told to reload again and again, keeps its clients.
func TestStoppedAndContinued(t *testing.T) {
	t.Parallel()
	p := run(t)
	late := p.dial(t)
	late.subscribe("pubsub", "late")
	p.signal(unix.SIGSTOP)
	late.send(request("pubsub", "publish", `{"channel":"late","message":1}`, `"late"`))
	unheard := connect(t, p.front) // the kernel takes the connection
	<-time.After(4 * time.Second)
	p.signal(unix.SIGCONT)
	late.expect(publication(`"late"`, "1"), response("pubsub", `"late"`))
	upgrade(t, unheard)
	for range 5 {
		p.signal(unix.SIGHUP)
	}
	p.signal(unix.SIGPIPE)
	p.alive(stranger)
}
