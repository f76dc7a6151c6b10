package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/gateway/client"
)

const (
	service, backService = "announcements", "announcements_backend"
	channel              = "news"
	dialers              = 64
)

// member is one client and what has happened to it.
type member struct {
	client *client.Client

	mu       sync.Mutex
	last     int // number of the last message
	closed   time.Time
	lastThen int // at that time
	asked    time.Duration
	back     time.Time
	failed   []string // attempts, and ends that were none of a restart
	gaps     int      // in what it heard, but for the one while it was away
	away     bool     // nothing was heard since it is back
	took     []delay
}

// delay is how long a message took from publishing to hearing.
type delay struct {
	n    int
	took time.Duration
}

// crowd are all of them.
type crowd struct {
	members []*member
	returns atomic.Int64 // of those that were closed
}

// openCrowd connects n clients and subscribes them.
func openCrowd(ctx context.Context, address string, n int) (*crowd, error) {
	c := &crowd{members: make([]*member, n)}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range dialers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				m := &member{}
				if err := c.open(ctx, m, address, int(i)); err != nil {
					cancel(err)
				}
				c.members[i] = m
			}
		})
	}
	wg.Wait()
	return c, context.Cause(ctx)
}

func (c *crowd) open(ctx context.Context, m *member, address string, i int) (err error) {
	m.client, err = client.Dial(ctx, "ws://"+address+"/ws", client.Options{
		NetDial: from(i).dial, ConnectTimeout: 20 * time.Second,
		OnState: func(s client.State, err error) { c.changed(m, s, err) },
		OnWait:  m.waits,
	})
	if err != nil {
		return err
	}
	return m.client.Subscribe(ctx, service, channel, m.heard)
}

func (m *member) heard(message client.Message) {
	now := sinceStart()
	var got note
	_ = json.Unmarshal(message.Content, &got)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last != 0 && got.N != m.last+1 && !m.away {
		m.gaps++
	}
	m.last, m.away = got.N, false
	m.took = append(m.took, delay{got.N, now - got.At})
}

func (m *member) waits(delay time.Duration, cause error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var closed *wire.CloseError
	if errors.As(cause, &closed) && closed.Code == wire.CloseGoingAway && m.closed.IsZero() {
		m.closed, m.asked, m.lastThen, m.away = time.Now(), delay, m.last, true
		return
	}
	m.failed = append(m.failed, cause.Error())
}

func (c *crowd) changed(m *member, s client.State, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s == client.Connected && !m.closed.IsZero() && m.back.IsZero() {
		m.back = time.Now()
		c.returns.Add(1)
	}
}

// heard tells how many have heard message n.
func (c *crowd) heard(n int) (count int) {
	for _, m := range c.members {
		m.mu.Lock()
		if m.last >= n {
			count++
		}
		m.mu.Unlock()
	}
	return count
}

func (c *crowd) close() {
	var wg sync.WaitGroup
	for _, m := range c.members {
		if m != nil && m.client != nil {
			wg.Go(func() { _ = m.client.Close() })
		}
	}
	wg.Wait()
}

// source is a loopback address to come from: there are more clients than one address should have ports in use.
type source net.IP

func from(i int) source { return source(net.IPv4(127, 0, 1, byte(1+i%16))) }

func (s source) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IP(s)}}
	return d.DialContext(ctx, network, address)
}

// newcomers are clients that come, one after the other, stay for a moment and leave.
type newcomers struct {
	mu      sync.Mutex
	came    int
	slowest time.Duration
	refused []string
}

func (n *newcomers) run(ctx context.Context, address string, every time.Duration) {
	var wg sync.WaitGroup
	defer wg.Wait()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		wg.Go(func() { n.come(context.WithoutCancel(ctx), address, i) })
	}
}

func (n *newcomers) come(ctx context.Context, address string, i int) {
	began := time.Now()
	c, err := client.Dial(ctx, "ws://"+address+"/ws", client.Options{NetDial: from(i).dial, ConnectTimeout: 20 * time.Second})
	if err != nil {
		n.mu.Lock()
		n.refused = append(n.refused, fmt.Sprint(err))
		n.mu.Unlock()
		return
	}
	n.mu.Lock()
	n.came++
	n.slowest = max(n.slowest, time.Since(began))
	n.mu.Unlock()
	_ = c.Close()
}
