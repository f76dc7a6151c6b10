package actors

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/limit"
)

// Broker is the whole of it: loops, connections, two registries of services, and channels. It owns all actors and all
// goroutines.
type Broker struct {
	options     atomic.Pointer[Options] // see SetOptions
	logger      *zerolog.Logger
	cuts        *limit.Lines // about clients that are cut off
	system      *actor.ActorSystem
	loops       []*loop
	loopsDone   sync.WaitGroup
	goroutines  *goroutines
	hostSpawner *spawner
	partSpawner *spawner
	frontend    *Registry
	backend     *Registry
	probes      []probe
	started     time.Time

	changing sync.Mutex // held by SetOptions

	mu       sync.Mutex
	hosts    map[Service]*host
	stopping bool
	attached sync.WaitGroup // connections, and those about to become one

	ended         atomic.Bool   // the services are ending
	over          chan struct{} // closed when no loop runs any more
	nextLoop      atomic.Uint32
	connections   atomic.Int64
	channels      gauge
	backlog       atomic.Int64 // bytes published but not yet fanned out, of all channels
	subscriptions atomic.Int64
	mail          watermark             // bytes that services have sent to connections, and those have not taken
	publications  atomic.Pointer[gauge] // accepted and not yet with the sockets
	comeback      atomic.Pointer[comeback]
	counts        counts

	limits  atomic.Pointer[limits] // nil: there are none
	seed    maphash.Seed           // of the hashes of identities
	refused atomic.Int64           // messages of clients, because of a limit
}

// Stats are numbers of the moment.
type Stats struct {
	Connections   int
	Channels      int // that have subscribers
	Subscriptions int
}

// NewBroker starts a broker. It fails only where the system refuses an event loop its descriptors. Shutdown ends it.
func NewBroker(options Options) (*Broker, error) {
	b := &Broker{
		goroutines: &goroutines{}, hosts: map[Service]*host{},
		started: time.Now(), over: make(chan struct{}), seed: maphash.MakeSeed(),
	}
	options = options.withDefaults()
	b.options.Store(&options)
	b.logger = &options.Logger
	b.cuts = limit.NewLines(options.Logger, cutLines)
	b.mail.high.Store(int64(options.MaxBacklogBytes))
	b.goroutines.logger = b.logger
	b.publications.Store(&gauge{})
	b.SetLimits(options.Limits)
	b.system = newActorSystem(options.Logger)
	for id := range options.Loops {
		l, err := newLoop(b, id)
		if err != nil {
			b.stopLoops()
			return nil, fmt.Errorf("starting an event loop: %w", err)
		}
		b.loops = append(b.loops, l)
		b.loopsDone.Go(l.main)
	}
	b.hostSpawner = newSpawner(b.system, b.goroutines, "service")
	b.partSpawner = newSpawner(b.system, b.goroutines, "part")
	registries := newSpawner(b.system, b.goroutines, "registry")
	b.frontend, b.backend = &Registry{broker: b, front: true}, &Registry{broker: b}
	for _, r := range []*Registry{b.frontend, b.backend} {
		r.table.Store(&table{generation: 1, services: map[string]*service{}})
		r.pid = registries.spawn(r)
	}
	b.startProbes()
	return b, nil
}

// Frontend is the registry of the services for clients.
func (b *Broker) Frontend() *Registry { return b.frontend }

// Backend is the registry of the services for holders of the key.
func (b *Broker) Backend() *Registry { return b.backend }

// Stats returns how much there is at the moment. Its numbers are each right, but of slightly different moments.
func (b *Broker) Stats() Stats {
	return Stats{
		Connections:   int(b.connections.Load()),
		Channels:      int(b.channels.n.Load()),
		Subscriptions: int(b.subscriptions.Load()),
	}
}

// OverLimit is how many messages of clients were refused so far because of Options.Limits.
func (b *Broker) OverLimit() int64 { return b.refused.Load() }

// IsCrowded tells whether an event loop has more to do than it does in a moment. Who could bring more work, such as new
// connections, waits a little then. Any goroutine may ask.
func (b *Broker) IsCrowded() bool {
	return slices.ContainsFunc(b.loops, (*loop).isCrowded)
}

// Attach makes a connection out of what a gateway has accepted. It does not block. After an error, which is ErrStopped
// or the system's, the caller still owns the net.Conn, and Door.Closed is not called.
func (b *Broker) Attach(a Attachment) error {
	b.mu.Lock()
	if b.stopping {
		b.mu.Unlock()
		return ErrStopped
	}
	b.attached.Add(1)
	b.mu.Unlock()
	l := b.loops[int(b.nextLoop.Add(1))%len(b.loops)]
	c, err := takeOver(l, a)
	if err != nil {
		b.attached.Done()
		return err
	}
	if c == nil {
		c = newPortable(l, a)
	}
	if a.Principal.Identity != nil || a.Principal.Claims != nil || !a.Principal.Expires.IsZero() {
		c.identity = newIdentification(l, a.Principal)
	}
	b.connections.Add(1)
	l.schedule(errand(func() { l.connections.spawn(c) }))
	return nil
}

// disconnected is called by each connection at its end.
func (b *Broker) disconnected() {
	b.connections.Add(-1)
	b.attached.Done()
}

// cutOff ends the connections that have not ended in time.
func (b *Broker) cutOff() {
	for _, l := range b.loops {
		l.schedule(errand(func() {
			for len(l.conns) > 0 {
				l.conns[len(l.conns)-1].destroy()
			}
		}))
	}
	b.attached.Wait()
}

// stopServices ends all services, those of the backend first, which may be companions of the others.
func (b *Broker) stopServices() {
	b.ended.Store(true)
	for _, r := range []*Registry{b.backend, b.frontend} {
		r.end()
		b.system.Root.Stop(r.pid)
	}
}

func (b *Broker) stopLoops() {
	for _, l := range b.loops {
		l.stop()
	}
	b.loopsDone.Wait()
}

// done returns a channel that is closed when f has returned.
func done(f func()) <-chan struct{} {
	c := make(chan struct{})
	go func() {
		defer close(c)
		f()
	}()
	return c
}

// wait prefers to see that c is closed.
func wait(ctx context.Context, c <-chan struct{}) error {
	select {
	case <-c:
	case <-ctx.Done():
		select {
		case <-c:
		default:
			return context.Cause(ctx)
		}
	}
	return nil
}

// gauge is a number that somebody may wait for to become zero.
type gauge struct {
	n       atomic.Int64
	waiting atomic.Pointer[chan struct{}]
}

func (g *gauge) add(n int64) {
	if g.n.Add(n) == 0 {
		if c := g.waiting.Swap(nil); c != nil {
			close(*c)
		}
	}
}

// zero returns a channel that is closed when the gauge is, or was since the call, zero. One goroutine at a time may
// wait.
func (g *gauge) zero() <-chan struct{} {
	c := make(chan struct{})
	g.waiting.Store(&c)
	if g.n.Load() == 0 {
		if mine := g.waiting.Swap(nil); mine != nil {
			close(*mine)
		}
	}
	return c
}
