package services_test

import (
	"fmt"
	"testing"

	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/actors/services"
)

func cursors(_ *testing.T, b *actorstest.Broker) {
	b.Frontend("cursors", services.NewCursors())
}

func cursor(handle, document, position, status, owner string) string {
	return fmt.Sprintf(`{"publicHandle":%s,"document":%s,"position":%s,"status":%s,"owner":%s}`, handle, document, position, status, owner)
}

func about(kind, cursor string) string { return fmt.Sprintf(`{"type":%q,"cursor":%s}`, kind, cursor) }

func TestLifeOfACursor(t *testing.T) {
	actorstest.Play(t, cursors,
		step{Who: "a", Call: "cursors.join", Params: `{"document":"d"}`, Want: "!Not authenticated"},
		step{Who: "a", Call: "cursors.leave", Params: `{"document":"d"}`, Want: "!Not joined"},
		as("a", `"ann"`), as("b", `"ann"`),
		step{Who: "a", Call: "cursors.createCursor", Params: `{"privateHandle":1,"document":"d","position":0,"status":0}`, Want: "!Not joined"},
		step{Who: "a", Call: "cursors.join", Params: `{"document":"d"}`, Want: `{"cursors":[]}`},
		step{Who: "a", Call: "cursors.join", Params: `{"document":"d"}`, Want: "!Already joined"},
		step{Who: "b", Call: "cursors.join", Params: `{"document":"d"}`, Want: `{"cursors":[]}`},
		step{
			Who: "a", Call: "cursors.createCursor", Params: `{"privateHandle":1,"document":"d","position":[1,2],"status":null}`, Want: "~h",
			Hear: heard{"b": {about("cursorAdded", cursor("$h", `"d"`, "[1,2]", "null", `"ann"`))}},
		},
	)
}

func TestCursorsOfOthers(t *testing.T) {
	actorstest.Play(t, cursors,
		as("a", `"ann"`), as("b", `"bob"`),
		step{Who: "a", Call: "cursors.join", Params: `{"document":{"d":1}}`, Want: `{"cursors":[]}`},
		step{Who: "a", Call: "cursors.createCursor", Params: `{"privateHandle":"p","document":{"d":1.0},"position":1,"status":"s"}`, Want: "~one"},
		step{Who: "a", Call: "cursors.createCursor", Params: `{"privateHandle":"p","document":{"d":1},"position":1,"status":"s"}`, Want: "!Reused handle"},
		step{Who: "a", Call: "cursors.createCursor", Params: `{"privateHandle":"q","document":{"d":1},"position":2,"status":"t"}`, Want: "~two"},
		as("a", `"renamed"`),
		step{Who: "b", Call: "cursors.updateCursor", Params: `{"privateHandle":"p","newData":{}}`, Want: "!No such cursor"},
		step{Who: "b", Call: "cursors.join", Params: `{"document":{"d":1}}`, Want: "~list"},
		step{
			Who: "a", Call: "cursors.updateCursor", Params: `{"privateHandle":"p","newData":{"position":{"x":1},"other":1}}`, Want: "null",
			Hear: heard{"b": {about("cursorUpdated", cursor("$one", `{"d":1.0}`, `{"x":1}`, `"s"`, `"ann"`))}},
		},
		step{
			Who: "a", Call: "cursors.updateCursor", Params: `{"privateHandle":"p","newData":{"status":null}}`, Want: "null",
			Hear: heard{"b": {about("cursorUpdated", cursor("$one", `{"d":1.0}`, `{"x":1}`, "null", `"ann"`))}},
		},
		step{
			Who: "a", Call: "cursors.updateCursor", Params: `{"privateHandle":"p","newData":{}}`, Want: "null",
			Hear: heard{"b": {about("cursorUpdated", cursor("$one", `{"d":1.0}`, `{"x":1}`, "null", `"ann"`))}},
		},
		step{Who: "a", Call: "cursors.updateCursor", Params: `{"privateHandle":"p","newData":[]}`, Want: "!Invalid params"},
		step{Who: "a", Call: "cursors.updateCursor", Params: `{"privateHandle":"x","newData":null}`, Want: "!No such cursor"},
		step{
			Who: "a", Call: "cursors.removeCursor", Params: `{"privateHandle":"q"}`, Want: "null",
			Hear: heard{"b": {about("cursorRemoved", `{"publicHandle":$two,"document":{"d":1}}`)}},
		},
		step{Who: "a", Call: "cursors.removeCursor", Params: `{"privateHandle":"q"}`, Want: "!No such cursor"},
		step{Who: "a", Call: "close", Hear: heard{"b": {about("cursorRemoved", `{"publicHandle":$one,"document":{"d":1.0}}`)}}},
		step{Who: "b", Call: "cursors.leave", Params: `{"document":{"d":1}}`, Want: "null"},
		step{Who: "b", Call: "cursors.join", Params: `{"document":{"d":1}}`, Want: `{"cursors":[]}`},
	)
}

func TestCursorsGoWithTheirDocument(t *testing.T) {
	steps := []step{
		as("a", "1"), as("b", "2"),
		{Who: "a", Call: "cursors.join", Params: `{"document":"x"}`, Want: `{"cursors":[]}`},
		{Who: "a", Call: "cursors.join", Params: `{"document":"y"}`, Want: `{"cursors":[]}`},
	}
	for i := range 16 {
		document := []string{`"x"`, `"y"`}[i/15]
		steps = append(steps, step{
			Who: "a", Call: "cursors.createCursor", Want: fmt.Sprintf("~h%c", 'a'+i),
			Params: fmt.Sprintf(`{"privateHandle":%d,"document":%s,"position":%d,"status":0}`, i, document, i),
		})
	}
	var gone []string
	for i := range 15 {
		gone = append(gone, about("cursorRemoved", fmt.Sprintf(`{"publicHandle":$h%c,"document":"x"}`, 'a'+i)))
	}
	steps = append(steps,
		step{Who: "a", Call: "cursors.createCursor", Params: `{"privateHandle":99,"document":"x","position":0,"status":0}`, Want: "!Too many cursors"},
		step{Who: "b", Call: "cursors.join", Params: `{"document":"x"}`, Want: "~list"},
		step{Who: "a", Call: "cursors.leave", Params: `{"document":"x"}`, Want: "null", Hear: heard{"b": gone}},
		step{Who: "b", Call: "cursors.join", Params: `{"document":"y"}`, Want: `{"cursors":[` + cursor("$hp", `"y"`, "15", "0", "1") + `]}`},
	)
	actorstest.Play(t, cursors, steps...)
}
