// Package bench measures notification servers: how much they deliver, how late, what an idle subscriber costs, and how
// fast subscribers may come and go. It puts the same work on every kind of server; what differs is behind Peer.
//
// Each mode is a function: Fanout, Latency, Idle and Churn. They block until the work is done, and when their context
// ends they stop early and return what was measured so far, with Result.Interrupted set. An error means that nothing was
// measured. What went wrong on the way (a message that is missing, a subscriber that was thrown out, a publication that
// was refused) is no error but is counted in Result.Faults.
//
// The client must not get in the way of what it measures, since it often shares the machine with the server: on Linux
// all subscribers are bare descriptors in an epoll loop, and nothing is decoded. A payload carries a running number and a
// time at fixed width, and is recognised where it lies.
package bench
