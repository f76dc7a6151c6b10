// Package application asks the application who a client is, and what it may do: the way in the other direction of the
// backend, on which the broker is the client and the application has the last word. It is for applications that know
// their users by a session cookie, or whose rules no token can hold.
//
// # What is asked
//
// Each question is a POST to one URL, with a JSON object for a body, and the key of the backend in the header
// X-Backend-Key, by which the application knows that it is the broker that asks. When a client connects it is
//
//	{"event": "connect", "remote": "192.0.2.7:50312", "host": "live.example.com", "origin": "https://example.com",
//	 "query": "token=abc", "headers": {"cookie": "session=...", "user-agent": "..."}}
//
// with those of Options.Headers that the handshake has, and with what stands behind the ? of its address as query. When
// it subscribes or publishes where a rule says so, it is one of
//
//	{"event": "subscribe", "service": "pubsub", "channel": "room:7", "identity": "ann", "claims": {"role": "editor"}}
//	{"event": "publish", "service": "pubsub", "channel": "room:7", "identity": "ann", "claims": null, "message": {"n": 1}}
//
// where channel, identity and message are any JSON values, and null is nobody. A question may be asked twice, when a
// connection breaks under it, so answering should change nothing.
//
// # What is answered
//
// The status is 200 and the body an object. For a client that connects,
//
//	{"allow": true, "identity": "ann", "claims": {"role": "editor"}, "expiresIn": 3600}
//
// admits it. All but allow may be left out: without an identity the client is nobody in particular; claims are an object;
// and after expiresIn seconds, if that is said, the connection ends unless the client has proved by then who it is. For
// the other events
//
//	{"allow": true, "cacheFor": 60}
//
// allows what is asked, and if it says cacheFor, the same question (of the same identity and claims about the same
// channel, whatever the message) is not asked again for so many seconds, an hour at most.
//
// {"allow": false} says no, and so do the statuses 401, for a client who should log in, and 403. Members that are not
// named here are ignored.
//
// # When there is no answer
//
// Anything else is no answer: another status, a redirect, an object without allow, too long a body, nothing within
// Options.Timeout, no connection. Then the answer is no, and the client is told that it is for now: at connecting with
// status 503 and a time after which to come back, else with the error "Authorization unavailable". What is allowed already
// (connections and subscriptions) goes on.
//
// At most Options.MaxCalls questions are under way at a time. Others wait for their turn, which is part of their time.
package application
