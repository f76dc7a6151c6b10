package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// storm is what many clients who come at once make of a server that has just begun.
type storm struct {
	Clients     int           `json:"clients"`
	Came        time.Duration `json:"came"` // until the last has begun
	Refused     []string      `json:"refused,omitempty"`
	P50         time.Duration `json:"p50"` // of connecting, until the answer to the handshake
	P99         time.Duration `json:"p99"`
	Slowest     time.Duration `json:"slowest"`
	Residents   int           `json:"residents"` // who were there and listen
	Published   int           `json:"published"` // while they came
	Failed      int           `json:"failed"`
	SlowestCall time.Duration `json:"slowestCall"`
	Gaps        int           `json:"gaps"`
}

func (s storm) summary() string {
	return fmt.Sprintf("storm: %d clients within %v, %d refused; connected after p50 %v, p99 %v, slowest %v; "+
		"%d residents got each of %d publications (%d gaps, %d failed), the slowest call took %v",
		s.Clients, round(s.Came), len(s.Refused), round(s.P50), round(s.P99), round(s.Slowest),
		s.Residents, s.Published, s.Gaps, s.Failed, round(s.SlowestCall))
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

const residents = 200

// measureStorm lets all come within a second.
func measureStorm(ctx context.Context, s settings, binary, folder string) (storm, error) {
	result := storm{Clients: s.storm, Residents: residents}
	h, err := build(ctx, s, binary, folder)
	if err != nil {
		return result, err
	}
	defer h.close()
	up, err := h.start(ctx)
	if err != nil {
		return result, err
	}
	defer up.kill()
	c, err := openCrowd(ctx, h.front, residents)
	defer c.close()
	if err != nil {
		return result, err
	}
	p, err := newPublisher(h.back)
	if err != nil {
		return result, err
	}
	var publishing sync.WaitGroup
	defer publishing.Wait()
	living, end := context.WithCancel(ctx)
	defer end()
	publishing.Go(func() { p.run(living, publishEvery/4) })
	fmt.Println("the storm of", s.storm, "clients")
	before := int(p.acked.Load())
	conns := come(ctx, h.front, &result)
	defer func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}()
	last := int(p.acked.Load()) + 3
	if err := until(ctx, func() bool { return c.heard(last) == residents }); err != nil {
		return result, fmt.Errorf("%d of %d residents hear: %w", c.heard(last), residents, err)
	}
	end()
	publishing.Wait()
	result.Published, result.Failed, result.SlowestCall = last-before, int(p.failed.Load()), time.Duration(p.slowest.Load())
	for _, m := range c.members {
		m.mu.Lock()
		result.Gaps += m.gaps + len(m.failed)
		m.mu.Unlock()
	}
	return result, nil
}

// come connects all, beginning with them evenly within a second, and returns when each has its answer.
func come(ctx context.Context, address string, s *storm) []net.Conn {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	var conns []net.Conn
	var took []time.Duration
	var wg sync.WaitGroup
	began := time.Now()
	for i := range s.Clients {
		if ahead := time.Duration(i)*time.Second/time.Duration(s.Clients) - time.Since(began); ahead > time.Millisecond {
			_ = pause(ctx, ahead)
		}
		wg.Go(func() {
			start := time.Now()
			conn, err := shakeHands(ctx, address, i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.Refused = append(s.Refused, err.Error())
				return
			}
			conns, took = append(conns, conn), append(took, time.Since(start))
		})
	}
	s.Came = time.Since(began)
	wg.Wait()
	if slices.Sort(took); len(took) > 0 {
		s.P50, s.P99, s.Slowest = took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	}
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
