package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// arrival is how a crowd came in.
type arrival struct {
	Clients int           `json:"clients"`
	Came    time.Duration `json:"came"` // until the last has begun
	Refused []string      `json:"refused,omitempty"`
	Took    latency       `json:"took"` // until the answer to the handshake
}

// guests are a crowd in a process of its own, whose work does not delay what is measured in this one more than the server's.
type guests struct {
	command *exec.Cmd
	stay    io.Closer
	tell    io.Reader
}

// invite has n clients come to address within a second.
func invite(ctx context.Context, address string, n int) (*guests, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	//nolint:gosec // it is this program
	g := &guests{command: exec.CommandContext(ctx, self, "-come", address, "-storm", strconv.Itoa(n))}
	g.command.Stderr = os.Stderr
	if g.stay, err = g.command.StdinPipe(); err != nil {
		return nil, err
	}
	if g.tell, err = g.command.StdoutPipe(); err != nil {
		return nil, err
	}
	return g, g.command.Start()
}

// arrive returns when all of them are in.
func (g *guests) arrive() (a arrival, err error) {
	err = json.NewDecoder(g.tell).Decode(&a)
	return a, err
}

func (g *guests) leave() {
	_ = g.stay.Close()
	_ = g.command.Wait()
}

// comeAndStay is what the process of guests does: it ends when its standard input does.
func comeAndStay(ctx context.Context, address string, n int) error {
	a := arrival{Clients: n}
	conns := come(ctx, address, &a)
	defer func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}()
	if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// come connects all, beginning with them evenly within a second, and returns when each has its answer.
func come(ctx context.Context, address string, a *arrival) []net.Conn {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	var conns []net.Conn
	var took []time.Duration
	var wg sync.WaitGroup
	began := time.Now()
	for i := range a.Clients {
		if ahead := time.Duration(i)*time.Second/time.Duration(a.Clients) - time.Since(began); ahead > time.Millisecond {
			_ = pause(ctx, ahead)
		}
		wg.Go(func() {
			start := time.Now()
			conn, err := shakeHands(ctx, address, i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				a.Refused = append(a.Refused, err.Error())
				return
			}
			conns, took = append(conns, conn), append(took, time.Since(start))
		})
	}
	a.Came = time.Since(began)
	wg.Wait()
	a.Took = latencyOf(took)
	return conns
}

func shakeHands(ctx context.Context, address string, i int) (net.Conn, error) {
	conn, err := from(i).dial(ctx, "tcp4", address)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	_, err = fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", address)
	if err == nil {
		var response *http.Response
		if response, err = http.ReadResponse(bufio.NewReaderSize(conn, 512), nil); err == nil {
			_ = response.Body.Close()
			if response.StatusCode != http.StatusSwitchingProtocols {
				err = fmt.Errorf("status %s", response.Status)
			}
		}
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}
