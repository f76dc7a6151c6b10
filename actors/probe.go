package actors

import (
	"context"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
)

// Probe asks whether the broker is alive: both registries answer a message, and for each loop a publication goes through a
// channel there, and its leaf on another loop, and back. So it passes through all that messages of clients pass through, but
// services, whose calls have a time limit of their own.
//
// It returns nil when all have answered. When ctx ends before, the error says who has not, and is the cause of ctx. It is
// ErrStopped when the broker has stopped.
func (b *Broker) Probe(ctx context.Context) error {
	select {
	case <-b.over:
		return ErrStopped
	default:
	}
	asked := []inquiry{
		{"the registry of the frontend", b.frontend.inquire()},
		{"the registry of the backend", b.backend.inquire()},
	}
	for i, p := range b.probes {
		asked = append(asked, inquiry{fmt.Sprintf("a channel on loop %d", i), p.root.inquire()})
	}
	var missing string
	for _, q := range asked {
		select {
		case <-q.answer:
			continue
		default:
		}
		select {
		case <-q.answer:
		case <-b.over:
			return ErrStopped
		case <-ctx.Done():
			if missing != "" {
				missing += ", "
			}
			missing += q.of
		}
	}
	if missing != "" {
		return fmt.Errorf("no answer from %s: %w", missing, context.Cause(ctx))
	}
	return nil
}

type inquiry struct {
	of     string
	answer <-chan struct{}
}

// echoing is a message to a registry, which has nothing to do but to say that it was taken.
type echoing struct{ answer chan struct{} }

func (e *echoing) undeliverable() { close(e.answer) }

func (r *Registry) inquire() <-chan struct{} {
	e := &echoing{answer: make(chan struct{})}
	r.PostUserMessage(e)
	return e.answer
}

// probe is a channel that Probe publishes to. Nobody can subscribe to it, no service has it, and it has a leaf without
// subscribers for as long as the broker lives.
type probe struct {
	root             *channel
	rootPID, leafPID *actor.PID
}

func (b *Broker) startProbes() {
	for i, l := range b.loops {
		other := b.loops[(i+1)%len(b.loops)]
		root := &channel{loop: l, broker: b, leaves: make([]branch, len(b.loops))}
		f := &leaf{root: root, loop: other}
		f.turn = f
		root.leaves[other.id] = branch{leaf: f, members: 1}
		b.probes = append(b.probes, probe{root, l.channels.spawn(root), other.leaves.spawn(f)})
	}
}

func (b *Broker) stopProbes() {
	for _, p := range b.probes {
		b.system.Root.Stop(p.leafPID)
		b.system.Root.Stop(p.rootPID)
	}
}

// isProbe tells the channels of Probe from those of services.
func (c *channel) isProbe() bool { return c.home == nil }

// inquire publishes nothing; the channel that it returns is closed when that is written to nobody.
func (c *channel) inquire() <-chan struct{} {
	call := &Call{done: make(chan struct{})}
	call.pending.Store(1)
	c.publish(&publication{frame: []byte{}, call: call})
	return call.done
}
