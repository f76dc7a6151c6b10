//go:build !linux

package actors

// newPoller makes a poller without sockets: only Linux has epoll.
func newPoller(*loop, bool) (poller, error) { return newSignalPoller(), nil }

// takeOver leaves all connections to the portable way.
func takeOver(*loop, Attachment) (*connection, error) { return nil, nil }
