// Package actors is the broker: event loops, connections, services and channels, all of them actors of protoactor.
//
// Two things run actors. An event loop (loop.go), one per core, runs those that must not block: connections, channels,
// leaves. Whatever belongs to a connection is touched by its loop alone and needs no lock. Goroutines (spawn.go) run
// services and registries, which may block. Every actor has its mailbox inside its own struct (mailbox.go).
//
// # A frame comes in
//
// The loop waits in its epoll (poller_linux.go), which tells a socket that there is something to read
// (socket_linux.go; elsewhere, and for TLS, a goroutine reads and posts to the connection: socket_portable.go). The
// socket gives the bytes to its connection (connection.go), whose Door (door.go), a gateway, takes the frames apart and
// gives back each message. The connection looks the service up in the table that the frontend's registry has published
// (registry.go) and makes a Call of the request (host.go, call.go). While a call is under way, further requests of the
// connection wait; if they are many, or if its answers wait, nothing more is read from it.
//
// A direct command runs at once, on the loop; any other is posted to the actor of its service (host.go), where the
// author's code runs (service.go). The answer leaves when nothing of the call is pending: what it has published or
// subscribed to holds it back. It goes to the mailbox of the connection, except that of a direct command which has
// waited for nothing.
//
// # A publication goes in
//
// A service publishes to one of its channels (channels.go): the content becomes a finished WebSocket frame, once, and
// the frame a publication for the channel (channel.go), which puts all that happens in it into one order. It has a leaf
// (leaf.go) on each loop that has subscribers, and gives the same frame to all of them. Joining and parting go the same
// way, so they have their place in that order. The last leaf that has written a publication releases the call it
// belongs to. A broker of the backend is called by Call (registry.go) and waits for that only if the channel has too
// much to do.
//
// # A message goes out
//
// A leaf makes one buffer of all publications that have come while it wrote the last, and writes it to one subscriber
// after the other: leaf.step, connection.deliver (sending.go), the system call. This way is free of allocations and of
// locks. What a socket does not take lies in the connection, in whole frames, until the epoll says that there is room;
// beyond a bound the client is cut off. What is meant for one client, answers and notifications (peer.go,
// notification.go), comes through the mailbox of the connection and is written at the end of the turn. Two things keep
// publications from overtaking it: a subscriber holds back what follows the answer to its joining (subscription.go),
// and a leaf puts its batch behind the mail of a subscriber that has some.
//
// # The end
//
// How a connection ends is in closing.go, what it has time for in deadlines.go, and how all of it ends in broker.go.
package actors
