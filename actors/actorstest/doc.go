// Package actorstest tests services without sockets and without waiting. A test gets a broker in memory, with clients and
// backends that call its services, and a clock that stands still until the test lets time pass:
//
//	func TestRoom(t *testing.T) {
//		actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
//			b.Frontend("room", &room{})
//			ann, bob := b.Client("ann"), b.Client("bob")
//
//			ann.Call("room", "enter", nil).Want(1)
//			bob.Call("room", "say", sayParams{Text: "Hello?"}).WantError("Not in the room")
//			bob.Call("room", "enter", nil).Want(2)
//			bob.Call("room", "say", sayParams{Text: "Hello!"}).Want(nil)
//			ann.Next().Want("room", actorstest.JSON(`{"type": "said", "text": "Hello!"}`))
//			bob.Next().Want("room", map[string]any{"type": "said", "text": "Hello!"})
//
//			b.Advance(10 * time.Minute)
//			ann.Next().Want("room", actorstest.JSON(`{"type": "closed"}`))
//			bob.Close()
//			ann.Quiet()
//		})
//	}
//
// What a client hears is waited for: Call returns when the answer is there and everything that came of the call has come
// to rest, so Next and Quiet have a definite answer, on any machine. Params and expectations are Go values or JSON texts
// and are compared as JSON values, exactly.
//
// Requests that are sent in one go, and the order of what comes of them:
//
//	func TestRoomKeepsOrder(t *testing.T) {
//		actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
//			b.Frontend("room", &room{})
//			ann := b.Client("ann")
//			enter := ann.Start("room", "enter", nil)
//			say := ann.Start("room", "say", sayParams{Text: "Hello?"})
//			ann.WantOrder(enter.Answer(), ann.Next(), say.Answer())
//		})
//	}
//
// A test of many steps reads better as a table, which also sees to it that nobody hears anything else:
//
//	func TestRoomInSteps(t *testing.T) {
//		said := `{"type": "said", "text": "Hi"}`
//		actorstest.Play(t, func(_ *testing.T, b *actorstest.Broker) { b.Frontend("room", &room{}) },
//			actorstest.Step{Who: "ann", Call: "room.say", Params: `{"text": "Hi"}`, Want: "!Not in the room"},
//			actorstest.Step{Who: "ann", Call: "room.enter", Want: "1"},
//			actorstest.Step{Who: "bob", Call: "room.enter", Want: "2"},
//			actorstest.Step{
//				Who: "bob", Call: "room.say", Params: `{"text": "Hi"}`,
//				Hear: actorstest.Heard{"ann": {said}, "bob": {said}},
//			},
//			actorstest.Step{Who: "ann", Call: "close"},
//			actorstest.Step{Who: "bob", Call: "room.say", Params: `{"text": "Hi"}`, Hear: actorstest.Heard{"bob": {said}}},
//		)
//	}
//
// Broker.Call calls as a backend does, Client.Send is for services that are Receivers, and Broker.ClientAs connects a
// client who has an identity. What a service logs as a warning or an error, such as the reason of an "Internal error", is
// in the log of the test.
//
// The broker is the real one, and only the network is not. It runs in a bubble of testing/synctest, so what services wait
// for (channels, timers, wait groups) has to be made in the test, and the goroutines that they start have to end with them.
// A test of what depends on WebSockets or on HTTP needs a gateway and a socket.
package actorstest
