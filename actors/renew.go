package actors

import (
	"fmt"
	"maps"
	"runtime/debug"
)

// Renew asks the services of these names for their Commands again. From one moment on, which is the same for all of them,
// calls are given to what they have returned now; who asks before has the commands of before, to the end of its call. The
// services themselves go on as they are: nobody loses a subscription. After an error nothing has changed.
//
// It returns when that is so. It may not be called by a Start or Stop of the same registry, which it would wait for.
func (r *Registry) Renew(names ...string) error {
	result := make(chan error, 1)
	r.PostUserMessage(&renewal{names: names, result: result})
	return <-result
}

func (r *Registry) renew(names []string) error {
	old := r.table.Load()
	if r.ended {
		return ErrStopped
	}
	// The generation says which services there are for connections to meet, and those stay.
	next := &table{generation: old.generation, services: maps.Clone(old.services), listeners: old.listeners}
	for _, name := range names {
		s := old.services[name]
		if s == nil {
			return fmt.Errorf("%w: %s", ErrUnknownService, clip(name))
		}
		renewed, err := r.renewService(s)
		if err != nil {
			return err
		}
		next.services[name] = renewed
	}
	r.table.Store(next)
	return nil
}

// renewService returns s with the commands that it has now.
func (r *Registry) renewService(s *service) (renewed *service, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			r.broker.logger.Error().Interface("panic", reason).Str("service", clip(s.name)).Bytes("stack", debug.Stack()).
				Msg("panic while a service is renewed")
			renewed, err = nil, errRegister
		}
	}()
	next := &service{entry: s.entry, receiver: s.receiver}
	if err := next.take(s.value.Commands()); err != nil {
		return nil, err
	}
	if next.commands == nil && next.receiver == nil {
		return nil, ErrNoReceiver
	}
	return next, nil
}
