package services

import (
	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// spread keeps a part for each key, a room or a document, that connections are in. It belongs to the actor of the
// service; what lies in a place belongs to its part.
type spread[T any] struct {
	context *actors.ServiceContext
	places  map[wire.Key]*place[T]
}

// place is a part of the service and what it works on.
type place[T any] struct {
	key     wire.Key
	part    *actors.Part
	visits  int // connections that are in, or on their way in
	entries int // connections that ever came
	content T
}

func newSpread[T any](context *actors.ServiceContext) *spread[T] {
	return &spread[T]{context: context, places: map[wire.Key]*place[T]{}}
}

// enter counts one more connection in. The place is made if there is none.
func (s *spread[T]) enter(k wire.Key, content func() T) *place[T] {
	p := s.places[k]
	if p == nil {
		p = &place[T]{key: k, part: s.context.NewPart(), content: content()}
		s.places[k] = p
	}
	p.visits++
	p.entries++
	return p
}

// exit counts one connection out. The place stays: until its part has done all it was given, nobody may begin another one
// of the same key, who would see the end of this one.
func (s *spread[T]) exit(p *place[T]) { p.visits-- }

// tidy is called in the part when it has seen the last connection out. If there is still none when the service hears of
// it, and nobody has come since then and when the part has done all it was given, the place goes.
func (s *spread[T]) tidy(p *place[T]) {
	s.context.Do(func() {
		if p.visits > 0 {
			return
		}
		entries := p.entries
		p.part.Do(func() {
			s.context.Do(func() {
				if p.visits == 0 && p.entries == entries && s.places[p.key] == p {
					delete(s.places, p.key)
					p.part.Stop()
				}
			})
		})
	})
}
