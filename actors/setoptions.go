package actors

// SetOptions replaces the options while the broker runs. Loops, Portable, Lobby and Logger stay what they are, whatever o
// says of them; zero stands for the default, as in NewBroker.
//
// When it returns, all of them are in force, on every loop. They are for what happens from then on: nobody loses a
// subscription, or a message that waits, to a lower bound, which holds for the next one; SendBuffer is for new
// connections, and ExpiryNotice for principals that clients get from now on. Silence counts anew where PingInterval or
// PongTimeout have changed, so that no client has to answer for a ping that it was not sent. Where clients have to say
// who they are by now (IdentityTimeout), those who are there already have that time, too.
//
// It blocks for a turn of each loop, and so may not be called on one: by a Direct command of the frontend, or a Door. It
// may be called at any time, also after Shutdown.
func (b *Broker) SetOptions(o Options) {
	b.changing.Lock()
	defer b.changing.Unlock()
	old := b.options.Load()
	o = o.withDefaults()
	o.Loops, o.Portable, o.Lobby, o.Logger = old.Loops, old.Portable, old.Lobby, old.Logger
	b.options.Store(&o)
	b.mail.high.Store(int64(o.MaxBacklogBytes))
	taken := make(chan struct{}, len(b.loops))
	for _, l := range b.loops {
		l.schedule(errand(func() {
			defer func() { taken <- struct{}{} }()
			l.take(&o)
		}))
	}
	for range b.loops {
		select {
		case <-taken:
		case <-b.over:
			return
		}
	}
}

// take makes the loop go by other options.
func (l *loop) take(o *Options) {
	before := l.options
	l.options = o
	if o.PingInterval != before.PingInterval || o.PongTimeout != before.PongTimeout {
		l.patience = l.now
	}
	if (o.IdentityTimeout > 0) == (before.IdentityTimeout > 0) {
		return
	}
	for _, c := range l.conns {
		switch {
		case c.isStranger(): // since now
			c.identify(c.identity)
		case c.identity != nil && c.identity.Identity == nil: // not any more
			c.leaveLobby()
		}
	}
}

// leaveLobby makes the client nobody in particular, for whom there are all services again.
func (c *connection) leaveLobby() {
	p := c.identity.Principal
	if p.Claims == nil && p.Expires.IsZero() {
		c.identify(nil)
	} else {
		c.identify(newIdentification(c.loop, p))
	}
	if c.state != stateClosed {
		c.meet(c.loop.broker.frontend.table.Load())
	}
}
