package actors

// isStranger tells whether the client has to say who it is before it may do anything else, see Options.IdentityTimeout.
func (c *connection) isStranger() bool {
	return c.loop.options.IdentityTimeout > 0 && (c.identity == nil || c.identity.Identity == nil)
}

// lobby is what a stranger is as long as it may. One that was a stranger before gets no further time.
func (c *connection) lobby(before *identification) *identification {
	i := &identification{index: -1, told: true, ends: c.loop.now + c.loop.options.IdentityTimeout}
	if c.identity != nil {
		i.Principal = c.identity.Principal
	}
	if before != nil && before.Identity == nil && before.ends != 0 {
		i.ends = min(i.ends, before.ends)
	}
	return i
}
