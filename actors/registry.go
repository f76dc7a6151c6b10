package actors

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/wire"
)

// Errors of registries.
var (
	ErrNameTaken         = errors.New("a service of this name is registered already")
	ErrNoName            = errors.New("a service needs a name")
	ErrUnknownService    = errors.New("no such service")
	ErrAlreadyRegistered = errors.New("this service is registered already, under another name")
	ErrNotRegistered     = errors.New("the service this one is a companion of is not registered")
	ErrNotComparable     = errors.New("a service must be a pointer or another comparable value")
	ErrNoReceiver        = errors.New("a service needs commands, or, in the frontend, a method Receive")
	ErrStopped           = errors.New("the broker has stopped")

	errStart     = errors.New("panic in Start")
	errRegister  = errors.New("panic in Commands or CompanionOf")
	errNoHandler = errors.New("a command is made by Command or Direct, with a struct for its parameters")
)

// Registry is the actor that knows the services behind one door. It publishes what it knows as an immutable table, so
// packets are routed by it, but never wait for it.
type Registry struct {
	mailbox
	broker *Broker
	pid    *actor.PID
	front  bool
	ended  bool // touched by the actor only
	table  atomic.Pointer[table]
}

// table is what a registry offers at one moment.
type table struct {
	generation uint32
	services   map[string]*service
	listeners  []*entry // those that want to know of connections
}

// service is a Service under the name that it has in a registry, with the commands of the moment: Renew makes another one
// of the same entry. It does not change.
type service struct {
	*entry
	commands map[string]*Handler // nil for a Receiver
	receiver Receiver
}

// entry is what stays the same about a service from Register to Unregister. So it is what a Peer has of it, by which
// services compare those that they keep.
type entry struct {
	name       string
	value      Service
	host       *host
	owner      bool   // the host ends with this entry
	lobby      bool   // for clients without identity, too
	prefix     []byte // of its packets, up to the content
	generation uint32 // of the first table it was in
	calls      atomic.Uint64
}

// frame makes a WebSocket frame of a packet of the service. This is the one place where that happens: a publication is
// encoded here, once, for all its receivers.
func (s *entry) frame(content []byte) []byte {
	size := len(s.prefix) + len(content) + 1
	frame := make([]byte, 0, wire.FrameSize(size))
	frame = wire.AppendFrameHeader(frame, wire.OpText, size)
	frame = append(frame, s.prefix...)
	frame = append(frame, content...)
	return append(frame, '}')
}

func (s *entry) connected(c *connection)    { s.tell(c, connected) }
func (s *entry) disconnected(c *connection) { s.tell(c, disconnected) }

func (s *entry) tell(c *connection, e event) {
	s.host.PostUserMessage(&presence{peer: Peer{connection: c, service: s}, event: e})
}

type registration struct {
	name   string
	value  Service
	result chan error
}

type removal struct {
	name   string
	result chan error
}

// renewal is for all the names or none.
type renewal struct {
	names  []string
	result chan error
}

// ending takes all services away, for good.
type ending struct{ done chan struct{} }

func (r *registration) undeliverable() { r.result <- ErrStopped }
func (r *removal) undeliverable()      { r.result <- ErrStopped }
func (r *renewal) undeliverable()      { r.result <- ErrStopped }
func (e *ending) undeliverable()       { close(e.done) }

// Register offers s under name. It returns when Start has, if s is a Starter; from then on packets reach s. One service is
// started after the other, so Start may not wait for another Register or Unregister of the same registry.
func (r *Registry) Register(name string, s Service) error {
	result := make(chan error, 1)
	r.PostUserMessage(&registration{name: name, value: s, result: result})
	return <-result
}

// Unregister takes the service away. Calls that it has not begun are answered with wire.ErrInternal. It returns when
// Stop has, if the service is a Stopper. Its companions are of no use any more and should be unregistered before. A
// service that does this from its own actor waits for itself, for ever.
func (r *Registry) Unregister(name string) error {
	result := make(chan error, 1)
	r.PostUserMessage(&removal{name: name, result: result})
	return <-result
}

// end returns when all services have ended. None can be registered any more.
func (r *Registry) end() {
	done := make(chan struct{})
	r.PostUserMessage(&ending{done: done})
	<-done
}

// Names returns the names of all services, sorted.
func (r *Registry) Names() []string {
	return slices.Sorted(maps.Keys(r.table.Load().services))
}

// Receive handles changes. They may take as long as a service takes to start; nobody but who asked waits for that.
func (r *Registry) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *registration:
		m.result <- r.register(m)
	case *removal:
		m.result <- r.remove(m.name)
	case *renewal:
		m.result <- r.renew(m.names)
	case *ending:
		r.ended = true
		for _, name := range r.Names() {
			_ = r.remove(name) // it is there
		}
		close(m.done)
	case *echoing:
		close(m.answer)
	case *actor.Stopped:
		r.mailbox.close()
	}
}

func (r *Registry) register(m *registration) error {
	old := r.table.Load()
	switch {
	case r.ended:
		return ErrStopped
	case m.name == "":
		return ErrNoName
	}
	if old.services[m.name] != nil {
		return fmt.Errorf("%w: %s", ErrNameTaken, clip(m.name))
	}
	s, err := r.newServiceSafely(m)
	if err != nil {
		return err
	}
	next := &table{generation: old.generation + 1, services: maps.Clone(old.services), listeners: old.listeners}
	next.services[m.name] = s
	s.generation = next.generation
	if r.front && s.listens() {
		next.listeners = append(slices.Clip(old.listeners), s.entry)
	}
	r.table.Store(next)
	if r.front && s.listens() {
		r.broker.announce()
	}
	return nil
}

// newServiceSafely is newService for services whose methods may panic: the registry goes on.
func (r *Registry) newServiceSafely(m *registration) (s *service, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			r.broker.logger.Error().Interface("panic", reason).Str("service", clip(m.name)).Bytes("stack", debug.Stack()).
				Msg("panic while a service is registered")
			s, err = nil, errRegister
		}
	}()
	return r.newService(m)
}

func (r *Registry) newService(m *registration) (*service, error) {
	if m.value == nil || !reflect.ValueOf(m.value).Comparable() {
		return nil, ErrNotComparable
	}
	s := &service{entry: &entry{name: m.name, value: m.value}}
	if err := s.take(m.value.Commands()); err != nil {
		return nil, err
	}
	s.prefix = append(wire.AppendString([]byte(`{"service":`), m.name), `,"message":`...)
	s.lobby = r.front && slices.Contains(r.broker.options.Load().Lobby, m.name)
	if r.front && s.commands == nil {
		s.receiver, _ = m.value.(Receiver)
	}
	if s.commands == nil && s.receiver == nil {
		return nil, ErrNoReceiver
	}
	if companion, ok := m.value.(Companion); ok {
		s.host = r.broker.hostOf(companion.CompanionOf())
		if s.host == nil {
			return nil, ErrNotRegistered
		}
		return s, nil
	}
	s.owner = true
	return s, r.broker.startHost(s.entry)
}

func (s *service) take(commands Commands) error {
	if commands == nil {
		return nil
	}
	s.commands = make(map[string]*Handler, len(commands))
	for name, h := range commands {
		if h.run == nil || h.fault != nil {
			return fmt.Errorf("command %s of service %s: %w", clip(name), clip(s.name), errors.Join(errNoHandler, h.fault))
		}
		s.commands[name] = &h
	}
	return nil
}

func (s *entry) listens() bool {
	if !s.owner {
		return false
	}
	_, comes := s.host.value.(ConnectListener)
	_, goes := s.host.value.(DisconnectListener)
	_, expires := s.host.value.(ExpiryListener)
	return comes || goes || expires
}

func (r *Registry) remove(name string) error {
	old := r.table.Load()
	s := old.services[name]
	if s == nil {
		return fmt.Errorf("%w: %s", ErrUnknownService, clip(name))
	}
	next := &table{generation: old.generation + 1, services: maps.Clone(old.services)}
	delete(next.services, name)
	next.listeners = slices.DeleteFunc(slices.Clone(old.listeners), func(l *entry) bool { return l == s.entry })
	r.table.Store(next)
	if s.owner {
		r.broker.stopHost(s.host)
	}
	return nil
}

// startHost starts the actor of a service and waits for its Start.
func (b *Broker) startHost(s *entry) error {
	h := &host{
		broker: b, value: s.value, service: s,
		troubles: b.logger.Sample(&zerolog.BurstSampler{Burst: 5, Period: time.Second}),
		mistakes: b.logger.Sample(&zerolog.BurstSampler{Burst: 1, Period: mistakesPeriod}),
		started:  make(chan error, 1), stopped: make(chan struct{}),
	}
	h.context = &ServiceContext{
		host: h, ended: make(chan struct{}), timers: map[*alarm]struct{}{}, parts: map[*Part]struct{}{},
	}
	h.context.channels = newChannels(b, s)
	s.host = h
	b.mu.Lock()
	taken := b.hosts[s.value] != nil
	if !taken {
		b.hosts[s.value] = h
	}
	b.mu.Unlock()
	if taken {
		return ErrAlreadyRegistered
	}
	h.pid = b.hostSpawner.spawn(h)
	err := <-h.started
	if err != nil {
		b.stopHost(h)
		return fmt.Errorf("starting service %s: %w", clip(s.name), err)
	}
	return nil
}

// stopHost ends the actor of a service, after what it is doing.
func (b *Broker) stopHost(h *host) {
	b.system.Root.Stop(h.pid)
	<-h.stopped
	b.mu.Lock()
	delete(b.hosts, h.value)
	b.mu.Unlock()
}

func (b *Broker) hostOf(value Service) *host {
	if value == nil || !reflect.ValueOf(value).Comparable() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hosts[value]
}

// announce has the connections that are there already meet the services that are new.
func (b *Broker) announce() {
	for _, l := range b.loops {
		l.schedule(errand(func() {
			for _, c := range l.conns {
				c.meet(b.frontend.table.Load())
			}
		}))
	}
}

// meet tells the services that want to know of the connection, each once. Strangers meet only those that they may call.
func (c *connection) meet(t *table) {
	isStranger := c.isStranger()
	if t.generation == c.metLobby && (t.generation == c.met || isStranger) || c.toldGone {
		return
	}
	for _, s := range t.listeners {
		if !c.hasMet(s) && (s.lobby || !isStranger) {
			s.connected(c)
		}
	}
	c.metLobby = t.generation
	if !isStranger {
		c.met = t.generation
	}
}

// hasMet tells whether a service that wants to know of connections knows of this one.
func (c *connection) hasMet(s *entry) bool {
	if s.lobby {
		return s.generation <= c.metLobby
	}
	return s.generation <= c.met
}
