package actors

import (
	"runtime/debug"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

// body is an actor that carries its own mailbox.
type body interface {
	actor.Actor
	box() *mailbox
}

func (m *mailbox) box() *mailbox { return m }

// supervision ends an actor that panics. Restarting would run its producer again, which has nothing to give: the state,
// a socket for instance, lies in the struct that failed. Panics of services never get here, see host.go.
var supervision = actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective })

// spawner makes actors of one scheduler. They share one Props, which would otherwise be half of an idle actor's memory;
// so the value that becomes the actor is handed to the producers by the side.
type spawner struct {
	system *actor.ActorSystem
	props  *actor.Props
	prefix string

	mu   sync.Mutex
	next body
}

func newSpawner(system *actor.ActorSystem, s scheduler, prefix string) *spawner {
	sp := &spawner{system: system, prefix: prefix}
	sp.props = actor.PropsFromProducer(
		func() actor.Actor { return sp.next },
		actor.WithMailbox(func() actor.Mailbox { return sp.next.box() }),
		actor.WithDispatcher(s),
		actor.WithGuardian(supervision),
	)
	return sp
}

func (s *spawner) spawn(b body) *actor.PID {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = b
	pid := s.system.Root.SpawnPrefix(s.props, s.prefix)
	s.next = nil
	return pid
}

// goroutines is the scheduler of actors that may block: each turn is a goroutine of its own, and an idle actor has
// none. wait returns when no turn is under way.
type goroutines struct {
	queues
	wg     sync.WaitGroup
	logger *zerolog.Logger
}

func (g *goroutines) panicked(reason any) {
	g.logger.Error().Interface("panic", reason).Bytes("stack", debug.Stack()).Msg("panic in an actor")
}

func (g *goroutines) schedule(t task)    { g.wg.Go(t.run) }
func (g *goroutines) postpone(t task)    { g.schedule(t) }
func (g *goroutines) Schedule(fn func()) { g.wg.Go(fn) }
func (*goroutines) Throughput() int      { return throughput }
