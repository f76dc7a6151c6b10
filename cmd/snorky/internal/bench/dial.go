package bench

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// dialer opens connections from several loopback source addresses in turn, so that neither the open connections nor
// those in TIME_WAIT use up the ports.
type dialer struct {
	peer    Peer
	address string
	network string
	tls     *tls.Config
	host    string
	sources int
	wait    time.Duration
	turn    atomic.Uint32
}

// newDialer looks up the server's name once and for all.
func (r *run) newDialer(ctx context.Context) (*dialer, error) {
	d := &dialer{peer: r.peer, address: r.peer.SubscribeAddr(), network: "tcp", wait: r.config.Timeout}
	d.tls = clientTLS(r.peer)
	var err error
	if d.host, _, err = net.SplitHostPort(d.address); err != nil {
		return nil, &SetupError{Err: err}
	}
	if net.ParseIP(d.host) == nil {
		conn, err := d.dial(ctx)
		if err != nil {
			return nil, &SetupError{Err: err}
		}
		d.address = conn.RemoteAddr().String()
		_ = conn.Close()
	}
	if d.sources = r.config.Sources; d.sources > 0 {
		d.network = "tcp4"
	}
	return d, nil
}

func clientTLS(peer Peer) *tls.Config {
	if secured, ok := peer.(Secured); ok {
		return secured.ClientTLS()
	}
	return nil
}

func (d *dialer) dial(ctx context.Context) (net.Conn, error) {
	nd := net.Dialer{Timeout: d.wait}
	if d.sources > 0 {
		i := d.turn.Add(1)%uint32(d.sources) + 2 // 127.0.0.2 is the first
		nd.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, byte(i>>16), byte(i>>8), byte(i))}
		nd.Control = bindLate
	}
	return nd.DialContext(ctx, d.network, d.address)
}

// open makes one connection a subscriber. It blocks until it is, ctx ends, or the time is over.
func (d *dialer) open(ctx context.Context, br *bufio.Reader, channel string) (net.Conn, error) {
	raw, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	conn := raw
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	if err = raw.SetDeadline(time.Now().Add(d.wait)); err == nil && d.tls != nil {
		conn, err = secure(ctx, raw, d.tls, d.host)
	}
	if err == nil {
		br.Reset(conn)
		err = d.peer.Subscribe(ctx, conn, br, channel)
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return nil, err
	}
	return conn, nil
}

// openSubscribers opens all subscribers of the flow, several at a time.
func (f *flow) openSubscribers(ctx context.Context) error {
	d, err := f.run.newDialer(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f.subscribers = make([]*subscriber, f.config.Subscribers)
	start := time.Now()
	var turn atomic.Int64
	var wg sync.WaitGroup
	for range min(f.config.Dialers, f.config.Subscribers) {
		wg.Go(func() {
			br := bufio.NewReaderSize(nil, 8<<10)
			for {
				i := int(turn.Add(1)) - 1
				if i >= len(f.subscribers) || ctx.Err() != nil {
					return
				}
				s, err := f.openSubscriber(ctx, d, br, i)
				if err != nil {
					cancel(&SetupError{Err: err})
					return
				}
				f.subscribers[i] = s
			}
		})
	}
	wg.Wait()
	if f.run.connectRate == 0 {
		f.run.connectRate = float64(len(f.subscribers)) / time.Since(start).Seconds()
	}
	return context.Cause(ctx)
}

func (f *flow) openSubscriber(ctx context.Context, d *dialer, br *bufio.Reader, i int) (*subscriber, error) {
	channel := i % f.config.Channels
	start := time.Now()
	conn, err := d.open(ctx, br, f.names[channel])
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	f.run.connects.recordShared(time.Since(start).Microseconds())
	f.run.connected.Add(1)
	s := &subscriber{
		flow: f, channel: channel, tag: f.tags[channel], slow: isSlow(i, f.config.Slow),
		next: make([]uint32, f.config.Publishers),
	}
	early, _ := br.Peek(br.Buffered()) // what came right behind the confirmation
	s.pending = append(s.pending, early...)
	if f.config.Reader == ReaderLoop {
		s.socket, err = detach(conn)
	} else {
		s.socket = connSocket{conn}
	}
	return s, err
}

// isSlow spreads the slow ones evenly among all.
func isSlow(i int, percent float64) bool {
	return int(float64(i+1)*percent/100) > int(float64(i)*percent/100)
}
