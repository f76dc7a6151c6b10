package faults_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// With 10000 the test is what an operator has to expect of a large site; it takes some seconds on a small machine.
var stormSize = flag.Int("storm", 1000, "clients that come back at the same moment in TestEverybodyComesBackAtOnce")

// returning is a client that comes back with all the others.
type returning struct {
	conn    net.Conn
	in      *bufio.Reader
	took    time.Duration // until it was subscribed
	refused int           // how often it was put off
	why     error         // the last time
}

// comeBack connects and subscribes to the channel "crowd", as often as it is put off.
func comeBack(front string) (c returning, err error) {
	start := time.Now()
	for time.Since(start) < 2*patience {
		if err = c.attempt(front); err == nil {
			c.took = time.Since(start)
			return c, nil
		}
		if c.conn != nil {
			_ = c.conn.Close()
		}
		c.refused++
		c.why = err
		<-time.After(200 * time.Millisecond)
	}
	return c, err
}

func (c *returning) attempt(front string) (err error) {
	if c.conn, err = net.DialTimeout("tcp", front, patience); err != nil {
		return err
	}
	_ = c.conn.SetDeadline(time.Now().Add(2 * patience))
	c.in = bufio.NewReaderSize(c.conn, 512)
	if _, err = io.WriteString(c.conn, handshake(front, "")); err != nil {
		return err
	}
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return errors.New(response.Status)
	}
	if _, err = c.conn.Write(frame(text, request("pubsub", "subscribe", `{"channel":"crowd"}`, "1"))); err != nil {
		return err
	}
	return c.hears(subscribed)
}

var subscribed = response("pubsub", "1")

// hears reads one short text.
func (c *returning) hears(want string) error {
	got := make([]byte, 2+len(want))
	if _, err := io.ReadFull(c.in, got); err != nil {
		return err
	}
	if string(got[2:]) != want {
		return fmt.Errorf("got %q, not %s", got, want)
	}
	return nil
}

// When everybody comes back at the same moment, as after a restart, everybody gets in, and those who are there already are
// served meanwhile. How long it takes is told, not judged: that depends on the machine.
func TestEverybodyComesBackAtOnce(t *testing.T) {
	t.Parallel()
	n := *stormSize
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	if room := int(min(limit.Cur, 1<<20)) - 2000; n > room { // other tests have some open, too
		t.Logf("there are descriptors for %d clients only", room)
		n = room
	}
	p := run(t)
	var coming sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	all, errs := make([]returning, n), make([]error, n)
	gate := make(chan struct{})
	for i := range n {
		coming.Go(func() {
			defer left.Add(-1)
			<-gate
			all[i], errs[i] = comeBack(p.front)
		})
	}
	close(gate)
	var slowest time.Duration
	served := 0
	for ; left.Load() > 0 || served == 0; served++ {
		start := time.Now()
		p.publish(t, "pubsub_backend", bystanders, -served)
		p.bystander.expect(publication(`"`+bystanders+`"`, fmt.Sprint(-served)))
		slowest = max(slowest, time.Since(start))
	}
	coming.Wait()
	must(t, errors.Join(errs...))
	slices.SortFunc(all, func(a, b returning) int { return int(a.took - b.took) })
	refused := 0
	var why error
	for _, c := range all {
		if refused += c.refused; c.why != nil {
			why = c.why
		}
	}
	t.Logf("%d clients came back at once: half of them were in after %v, 99 of 100 after %v, the last after %v, put off %d times (%v); "+
		"meanwhile %d publications reached those who were there, the slowest in %v",
		n, all[n/2].took, all[n*99/100].took, all[n-1].took, refused, why, served, slowest)
	p.publish(t, "pubsub_backend", "crowd", "all")
	for i := range all {
		if err := all[i].hears(publication(`"crowd"`, `"all"`)); err != nil {
			t.Errorf("a client that is back: %v", err)
			break
		}
		_ = all[i].conn.(*net.TCPConn).SetLinger(0)
		_ = all[i].conn.Close()
	}
	p.alive(stranger + n/100) // 10 KiB for each
	if strings.Contains(p.log.String(), `"level":"error"`) {
		t.Errorf("the log has errors:\n%.2000s", p.log.String())
	}
}
