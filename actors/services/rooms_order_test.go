package services_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
)

// A crowd of clients sends everything it has to say at once, and some of them go in the middle of it. Afterwards each
// client's transcript is read: whatever the threads did, what it heard has to fit (PROTOCOL.md section 5).

// speech is what one client says: requests whose callId tells what they are.
type speech struct {
	random *rand.Rand
	lines  []string
}

func (s *speech) call(service, command, params string, id ...any) {
	callID, _ := json.Marshal(append([]any{command}, id...))
	s.lines = append(s.lines, fmt.Sprintf(`{"service":%q,"message":{"command":%q,"params":%s,"callId":%s}}`, service, command, params, callID))
}

// play lets the clients say what they say, ends every third of them while the others go on, and returns what each heard.
func play(t *testing.T, service actors.Service, speeches []*speech) [][]string {
	t.Helper()
	b, err := actors.NewBroker(actors.Options{Loops: 3, Portable: true, MaxQueuedBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]actors.Service{"login": login{}, "s": service} {
		if err := b.Frontend().Register(name, s); err != nil {
			t.Fatal(err)
		}
	}
	listeners := make([]*listener, len(speeches))
	for i, s := range speeches {
		listeners[i] = newListener(t, true, s.lines...)
		if err := b.Attach(actors.Attachment{Conn: listeners[i], Door: textLines{}}); err != nil {
			t.Fatal(err)
		}
	}
	for i, l := range listeners {
		if goes(i) {
			l.wait(20)
			_ = l.Close()
		}
	}
	synctest.Wait()
	heard := make([][]string, len(listeners))
	for i, l := range listeners {
		l.mu.Lock()
		heard[i] = slices.Clone(l.heard)
		l.mu.Unlock()
	}
	for _, l := range listeners {
		_ = l.Close()
	}
	if err := b.Shutdown(t.Context(), 0); err != nil {
		t.Error(err)
	}
	return heard
}

// goes tells which clients end in the middle. What they have sent is still done, but nobody writes to them for nothing, so
// what they hear is not looked at.
func goes(client int) bool { return client%3 == 2 }

// content is whatever a client of these services may hear.
type content struct {
	Type     string
	CallID   []any `json:"callId"`
	Message  any
	Data     json.RawMessage
	From     any
	Channel  any
	Status   string
	Body     any
	Cursor   cursorSeen
	Document any
}

type cursorSeen struct {
	PublicHandle int
	Document     any
	Owner        any
	Position     any
}

func read(t *testing.T, text string) content {
	t.Helper()
	var c content
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

const roomsOfTest = 3

func chatSpeech(me int) *speech {
	s := &speech{random: rand.New(rand.NewPCG(7, uint64(me)))} // the same in each run
	who := me / 2                                              // two clients for each identity
	s.call("login", "as", fmt.Sprintf(`{"name":%d}`, who))
	for n := range 120 {
		room := s.random.IntN(roomsOfTest)
		channel := fmt.Sprintf(`{"channel":%d}`, room)
		switch s.random.IntN(6) {
		case 0, 1:
			s.call("s", "join", channel, room)
		case 2:
			s.call("s", "leave", channel, room)
		default:
			s.call("s", "send", fmt.Sprintf(`{"channel":%d,"body":[%d,%d]}`, room, me, n), room, me, n)
		}
	}
	return s
}

// chatView follows what one client knows of the rooms.
type chatView struct {
	t       *testing.T
	me      int
	members map[any]map[any]bool // of the rooms it is in
	said    map[any][]string
}

func (v *chatView) follow(text string) {
	c := read(v.t, text)
	bad := func() { v.t.Errorf("client %d, who knows %v, hears %s", v.me, v.members, text) }
	switch {
	case c.Type == "presence":
		known := v.members[c.Channel]
		if known == nil || known[c.From] == (c.Status == "joined") {
			bad()
			return
		}
		known[c.From] = c.Status == "joined"
	case c.Type == "message":
		if !v.members[c.Channel][c.From] {
			bad()
		}
		v.said[c.Channel] = append(v.said[c.Channel], fmt.Sprint(c.Body))
	case c.Type == "response" && c.CallID[0] == "join":
		var list struct{ Members []any }
		if err := json.Unmarshal(c.Data, &list); err != nil || v.members[c.CallID[1]] != nil {
			bad()
			return
		}
		known := map[any]bool{}
		for _, m := range list.Members {
			if known[m] {
				bad()
			}
			known[m] = true
		}
		if !known[float64(v.me/2)] {
			bad()
		}
		v.members[c.CallID[1]] = known
	case c.Type == "response" && c.CallID[0] == "leave":
		delete(v.members, c.CallID[1])
	case c.Type == "response" && c.CallID[0] == "send":
		said := v.said[c.CallID[1]]
		if len(said) == 0 || !slices.Contains(said, fmt.Sprint(c.CallID[2:])) {
			v.t.Errorf("client %d has its answer before its message: %s", v.me, text)
		}
	case c.Type == "error":
		joined := v.members[c.CallID[1]] != nil
		if joined && c.Message == "Not joined" || !joined && c.Message == "Already joined" {
			bad()
		}
	}
}

func TestChatOfACrowdFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		speeches := make([]*speech, 12)
		for i := range speeches {
			speeches[i] = chatSpeech(i)
		}
		heard := play(t, services.NewChat(), speeches)
		views := make([]*chatView, len(heard))
		for me, texts := range heard {
			views[me] = &chatView{t: t, me: me, members: map[any]map[any]bool{}, said: map[any][]string{}}
			if goes(me) {
				continue
			}
			for _, text := range texts {
				views[me].follow(text)
			}
		}
		// At the end those who stayed agree on who is there, and all heard what they heard in one order.
		for room := range roomsOfTest {
			name := any(float64(room))
			present := map[any]bool{}
			for me, v := range views {
				if v.members[name] != nil {
					present[float64(me/2)] = true
				}
			}
			for me, v := range views {
				for who, in := range v.members[name] {
					if in != present[who] {
						t.Errorf("client %d takes %v in room %d for present: %v", me, who, room, in)
					}
				}
				sameOrder(t, views[0].said[name], v.said[name])
				sameOrder(t, views[1].said[name], v.said[name])
			}
		}
	})
}

// sameOrder checks that what two lists have in common is in the same order in both, and nothing is in one twice.
func sameOrder(t *testing.T, a, b []string) {
	t.Helper()
	position := map[string]int{}
	for i, text := range a {
		if _, twice := position[text]; twice {
			t.Fatalf("%s was heard twice", text)
		}
		position[text] = i
	}
	last := -1
	for _, text := range b {
		if at, common := position[text]; common {
			if at <= last {
				t.Fatalf("%s comes in another order", text)
			}
			last = at
		}
	}
}

func cursorSpeech(me int) *speech {
	s := &speech{random: rand.New(rand.NewPCG(11, uint64(me)))}
	s.call("login", "as", fmt.Sprintf(`{"name":%d}`, me))
	for n := range 150 {
		document, private := s.random.IntN(roomsOfTest), s.random.IntN(4)
		switch s.random.IntN(8) {
		case 0:
			s.call("s", "join", fmt.Sprintf(`{"document":%d}`, document), document)
		case 1:
			if s.random.IntN(3) == 0 {
				s.call("s", "leave", fmt.Sprintf(`{"document":%d}`, document), document)
			}
		case 2, 3:
			s.call("s", "createCursor", fmt.Sprintf(`{"privateHandle":%d,"document":%d,"position":%d,"status":0}`, private, document, n), document)
		case 4:
			s.call("s", "removeCursor", fmt.Sprintf(`{"privateHandle":%d}`, private))
		default:
			s.call("s", "updateCursor", fmt.Sprintf(`{"privateHandle":%d,"newData":{"position":%d}}`, private, n))
		}
	}
	return s
}

// cursorView follows what one client knows of the documents: the positions of others' cursors.
type cursorView struct {
	t         *testing.T
	me        int
	documents map[any]map[int]any
}

func (v *cursorView) follow(text string) {
	c := read(v.t, text)
	bad := func() { v.t.Errorf("client %d, who knows %v, hears %s", v.me, v.documents, text) }
	known, handle := v.documents[c.Cursor.Document], c.Cursor.PublicHandle
	_, there := known[handle]
	if strings.HasPrefix(c.Type, "cursor") && (known == nil || there != (c.Type != "cursorAdded") || c.Cursor.Owner == float64(v.me)) {
		bad()
		return
	}
	switch {
	case c.Type == "cursorAdded", c.Type == "cursorUpdated":
		known[handle] = c.Cursor.Position
	case c.Type == "cursorRemoved":
		delete(known, handle)
	case c.Type == "response" && c.CallID[0] == "join":
		var list struct{ Cursors []cursorSeen }
		if err := json.Unmarshal(c.Data, &list); err != nil {
			bad()
		}
		known := map[int]any{}
		for _, one := range list.Cursors {
			known[one.PublicHandle] = one.Position
		}
		if len(known) != len(list.Cursors) {
			bad()
		}
		v.documents[c.CallID[1]] = known
	case c.Type == "response" && c.CallID[0] == "leave":
		delete(v.documents, c.CallID[1])
	}
}

func TestCursorsOfACrowdFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		speeches := make([]*speech, 12)
		for i := range speeches {
			speeches[i] = cursorSpeech(i)
			for d := range roomsOfTest { // at the end, who stays looks at everything
				speeches[i].call("s", "leave", fmt.Sprintf(`{"document":%d}`, d), d)
			}
		}
		heard := play(t, services.NewCursors(), speeches)
		for me, texts := range heard {
			if goes(me) {
				continue
			}
			v := &cursorView{t: t, me: me, documents: map[any]map[int]any{}}
			for _, text := range texts {
				v.follow(text)
			}
			if len(v.documents) != 0 {
				t.Errorf("client %d is still in %v", me, v.documents)
			}
		}
	})
}

// Who joins hears the answer before any read mark, and none after the answer to leave.
func TestReadMarksComeToMembersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		member, reader := &speech{}, &speech{}
		for _, s := range []*speech{member, reader} {
			s.call("login", "as", `{"name":7}`)
		}
		for range 500 {
			member.call("s", "join", `{"channel":1}`)
			member.call("s", "leave", `{"channel":1}`)
		}
		for range 2000 {
			reader.call("s", "read", `{"channel":1}`)
		}
		isIn := false
		for i, text := range play(t, services.NewChat(), []*speech{member, reader})[0] {
			switch c := read(t, text); {
			case c.Type == "read" && !isIn:
				t.Fatalf("message %d is a read mark for somebody who is not in", i)
			case c.Type == "response":
				isIn = c.CallID[0] == "join"
			}
		}
	})
}
