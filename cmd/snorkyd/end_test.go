//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

// What publishers were told was published arrives, then every client is told that the server goes away.
func TestSIGTERMUnderLoad(t *testing.T) {
	t.Parallel()
	const subscribers, publishers = 200, 4
	p := prepare(t, "-drain", "4s").up()
	last := make([][publishers]int, subscribers) // number of the last message of each publisher
	var clients, load sync.WaitGroup
	for i := range subscribers {
		socket := trial.Subscribe(t, p.front, "announcements", "news")
		clients.Go(func() {
			for {
				m, code := socket.Next()
				if code != 0 {
					if after, ok := wire.Hint(socket.Reason); code != wire.CloseGoingAway || !ok || after <= 0 {
						t.Errorf("subscriber %d was closed with %d %q", i, code, socket.Reason)
					}
					return
				}
				var publisher, n int
				if _, err := fmt.Sscanf(string(m.Message), `"%d %d"`, &publisher, &n); err != nil || n != last[i][publisher]+1 {
					t.Errorf("subscriber %d got %s after %d", i, m.Message, last[i][publisher])
				}
				last[i][publisher] = n
			}
		})
	}
	var acknowledged [publishers]int
	warm := make(chan struct{}, publishers)
	for k := range publishers {
		publisher := trial.Publisher(t, p.back, testKey)
		load.Go(func() {
			for n := 1; ; n++ {
				if publisher.Publish(context.Background(), "announcements_backend", "news", fmt.Sprint(k, n)) != nil {
					return
				}
				if acknowledged[k] = n; n == 5 {
					warm <- struct{}{}
				}
			}
		})
	}
	for range publishers {
		<-warm
	}
	p.signal(syscall.SIGTERM)
	if status := p.ends(); status != statusOK {
		t.Errorf("status %d:\n%s", status, p.log.String())
	}
	load.Wait()
	clients.Wait()
	for i := range last {
		for k, n := range acknowledged {
			if last[i][k] < n {
				t.Errorf("subscriber %d got %d of %d messages of publisher %d", i, last[i][k], n, k)
			}
		}
	}
	if drained := p.logged("drained"); drained["closed"] != float64(subscribers) || drained["cut_off"] != nil {
		t.Errorf("the log says %v", drained)
	} else if took := drained["took_ms"].(float64); took > 4000 {
		t.Errorf("took %v ms", took)
	}
}

// A request whose body does not come holds up the draining for as long as it may; a second signal does not wait.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := prepare(t, "-drain", "1h", "-backend-timeout", "1h").up()
	conn, err := net.Dial("tcp", p.back)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(conn, "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: %s\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", testKey)
	if n, err := conn.Read(make([]byte, 100)); err != nil { // 100 Continue: it is in progress
		t.Fatal(n, err)
	}
	p.signal(syscall.SIGTERM)
	trial.Eventually(t, "it drains", func() bool {
		return trial.Status(t, "http://"+p.front+"/healthz") == http.StatusServiceUnavailable
	})
	p.signal(syscall.SIGHUP) // means nothing any more
	p.signal(syscall.SIGTERM)
	if status := p.ends(); status != statusFailed {
		t.Errorf("status %d", status)
	}
	if !strings.HasSuffix(p.log.String(), "\nsnorkyd: a second signal came: ended at once\n") {
		t.Errorf("the log ends with:\n%s", p.log.String())
	}
}

func TestEndsAtOnceAfterItsStart(t *testing.T) {
	t.Parallel()
	p := prepare(t)
	for range 5 {
		q := prepare(t, "-frontend", p.front, "-backend", p.back)
		q.front, q.back = p.front, p.back
		q.start().signal(syscall.SIGTERM)
		q.ends()
	}
	free(t, p.front, p.back)
}

func TestKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	p := prepare(t)
	for range 10 {
		q := prepare(t, "-frontend", p.front, "-backend", p.back)
		q.front, q.back = p.front, p.back
		q.up()
		if _, status := trial.Dial(t, q.front); status != http.StatusSwitchingProtocols {
			t.Errorf("status %d", status)
		}
		q.signal(syscall.SIGKILL)
		q.ends()
	}
	free(t, p.front, p.back)
}

// free tells whether ports can be opened.
func free(t *testing.T, addresses ...string) {
	t.Helper()
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			continue
		}
		_ = l.Close()
	}
}

// The accept loops survive a lack of descriptors, and go on when there are some again.
func TestRunsOutOfDescriptors(t *testing.T) {
	t.Parallel()
	p := prepare(t).shell("ulimit -n 64").up()
	var conns []net.Conn
	for range 200 {
		conn, err := net.Dial("tcp", p.front)
		if err != nil {
			break
		}
		conns = append(conns, conn)
	}
	p.logged("frontend HTTP server")
	for _, conn := range conns {
		_ = conn.Close()
	}
	p.healthy()
	p.serves()
	if lines := strings.Count(p.log.String(), "\n"); lines > 50 {
		t.Errorf("%s lines about it", strconv.Itoa(lines))
	}
}

func TestConnectionsWithoutARequest(t *testing.T) {
	t.Parallel()
	p := prepare(t, "-header-timeout", "2s").up()
	var silent []net.Conn
	for _, address := range []string{p.front, p.back} {
		for _, start := range []string{"", "GET /ws HTTP/1.1\r\nHost: x\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"} {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = conn.Write([]byte(start))
			silent = append(silent, conn)
		}
	}
	p.serves() // while they are there
	for i, conn := range silent {
		_ = conn.SetDeadline(time.Now().Add(trial.Patience))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("connection %d is not cut off", i)
		}
	}
}
