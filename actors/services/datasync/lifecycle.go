package datasync

import "github.com/snorky-go/snorky/actors/wire"

// The functions of this file run in the actor of the service.

// open begins a subscription, starts its clock and returns its token.
func (s *DataSync) open(shares []share) string {
	one := &subscription{token: newToken(), shares: shares, room: &s.room, full: s.overflow}
	s.subscriptions[one.token] = one
	one.stopClock = s.context.After(s.timeout, func() { s.end(one) })
	for _, with := range shares {
		for _, i := range with.items {
			i.subscription = one
		}
		with.dealer.part.Do(func() { with.dealer.add(with.items) })
	}
	return one.token
}

// end forgets a subscription.
func (s *DataSync) end(one *subscription) {
	one.close()
	one.stopClock()
	delete(s.subscriptions, one.token)
	s.release(one)
}

// release takes a subscription out of everything but the tokens.
func (s *DataSync) release(one *subscription) {
	if one.claimed {
		delete(s.acquired[one.owner], one)
		if len(s.acquired[one.owner]) == 0 {
			delete(s.acquired, one.owner)
		}
		one.claimed = false
	}
	for _, with := range one.shares {
		with.dealer.part.Do(func() { with.dealer.remove(with.items) })
	}
	one.shares = nil
}

// overflow is called by a model, for a subscription that has just overflowed.
func (s *DataSync) overflow(one *subscription) {
	s.context.Do(func() {
		s.context.Logger().Warn().Str("code", wire.ErrSubscriptionOverflowed.Code).Int64("all_buffered", s.room.taken.Load()).
			Msg("more waits for a client than may, and its subscription ends")
		if s.subscriptions[one.token] == one {
			s.bury(one)
		}
	})
}

// bury ends a subscription that has overflowed. For a while its token stays known, for whoever comes to acquire it.
func (s *DataSync) bury(one *subscription) {
	one.stopClock()
	s.release(one)
	one.stopClock = s.context.After(s.timeout, func() { s.end(one) })
	if old := s.graves.add(one); old != nil && s.subscriptions[old.token] == old {
		s.end(old)
	}
}

// graves are the latest subscriptions that have overflowed.
type graves struct {
	ring [4096]*subscription
	next int
}

// add returns the oldest one, if there are too many.
func (g *graves) add(one *subscription) (old *subscription) {
	at := &g.ring[g.next%len(g.ring)]
	old, *at = *at, one
	g.next++
	return old
}
