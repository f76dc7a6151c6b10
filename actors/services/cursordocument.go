package services

import (
	"container/list"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// cursorDocument is a document with its cursors. It belongs to the part of the document; everybody who is in is
// subscribed to the channel of the same name, so that its order is that of the document.
type cursorDocument struct {
	channels *actors.Channels
	visitors int
	cursors  list.List // of *cursor, in order of creation
}

type cursor struct {
	at       *documentPlace
	private  wire.Key
	public   int
	number   uint64          // in order of creation
	identity json.RawMessage // of the owner when it joined the document
	name     json.RawMessage // of the document, as the owner wrote it

	// These belong to the part of the document.
	element  *list.Element // nil: it is not in the document
	position json.RawMessage
	status   json.RawMessage
}

// cursorData is the CURSOR of PROTOCOL.md section 6.7.
type cursorData struct {
	PublicHandle int             `json:"publicHandle"`
	Document     json.RawMessage `json:"document"`
	Position     json.RawMessage `json:"position"`
	Status       json.RawMessage `json:"status"`
	Owner        json.RawMessage `json:"owner"`
}

type cursorList struct {
	Cursors []cursorData `json:"cursors"`
}

func newCursorDocument(context *actors.ServiceContext) *cursorDocument {
	return &cursorDocument{channels: context.Channels()}
}

func (d *cursorDocument) isEmpty() bool { return d.visitors == 0 }

func (d *cursorDocument) enter(call *actors.Call, name json.RawMessage) (cursorList, error) {
	d.visitors++
	all := cursorList{Cursors: make([]cursorData, 0, d.cursors.Len())}
	for e := d.cursors.Front(); e != nil; e = e.Next() {
		if one, ok := e.Value.(*cursor); ok {
			all.Cursors = append(all.Cursors, one.data())
		}
	}
	return all, d.channels.SubscribeUnbounded(call, name)
}

func (d *cursorDocument) leave(call *actors.Call, name json.RawMessage, cursors []*cursor) error {
	_ = d.channels.Unsubscribe(call, name) // a connection that is ending may not be subscribed any more
	return d.exit(call, cursors)
}

// exit takes out a connection that is not subscribed any more, with its cursors.
func (d *cursorDocument) exit(call *actors.Call, cursors []*cursor) error {
	d.visitors--
	var errs []error
	for _, one := range cursors {
		errs = append(errs, d.remove(call, one))
	}
	return errors.Join(errs...)
}

func (d *cursorDocument) add(call *actors.Call, one *cursor) error {
	one.element = d.cursors.PushBack(one)
	return d.tell(call, "cursorAdded", one)
}

func (d *cursorDocument) update(call *actors.Call, one *cursor, position, status json.RawMessage) error {
	if position != nil {
		one.position = position
	}
	if status != nil {
		one.status = status
	}
	return d.tell(call, "cursorUpdated", one)
}

func (d *cursorDocument) remove(call *actors.Call, one *cursor) error {
	if one.element == nil {
		return nil // it never got in
	}
	d.cursors.Remove(one.element)
	one.element = nil
	content := append([]byte(`{"type":"cursorRemoved","cursor":`), one.appendPlace(nil)...)
	return d.channels.PublishToOthers(call, one.name, append(content, `}}`...))
}

// tell tells all who are in, but for the owner of the cursor.
func (d *cursorDocument) tell(call *actors.Call, kind string, one *cursor) error {
	content := append(append([]byte(`{"type":"`), kind...), `","cursor":`...)
	return d.channels.PublishToOthers(call, one.name, append(one.append(content), '}'))
}

func (c *cursor) data() cursorData {
	return cursorData{PublicHandle: c.public, Document: c.name, Position: c.position, Status: c.status, Owner: c.identity}
}

// append appends the CURSOR of PROTOCOL.md section 6.7.
func (c *cursor) append(dst []byte) []byte {
	dst = append(append(c.appendPlace(dst), `,"position":`...), c.position...)
	dst = append(append(dst, `,"status":`...), c.status...)
	return append(append(append(dst, `,"owner":`...), c.identity...), '}')
}

// appendPlace appends its first two members.
func (c *cursor) appendPlace(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, `{"publicHandle":`...), int64(c.public), 10)
	return append(append(dst, `,"document":`...), c.name...)
}
