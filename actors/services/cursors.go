package services

import (
	"cmp"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

const (
	maxCursors = 16      // of one connection
	handles    = 1 << 16 // public handles there are
)

var errNoHandles = errors.New("all public handles are in use")

// Cursors is the service of PROTOCOL.md section 6.7: documents in which connections show where they are.
//
// Its own actor knows which connection has joined which documents, and its cursors by their handles. Where these are, and
// who is told, is the business of a part for each document (cursordocument.go).
type Cursors struct {
	context   *actors.ServiceContext
	documents *spread[*cursorDocument]
	users     map[actors.Peer]*cursorUser
	public    map[int]*cursor
	created   uint64
}

type documentPlace = place[*cursorDocument]

// cursorUser is a connection that has joined a document.
type cursorUser struct {
	documents map[wire.Key]*documentVisit
	cursors   map[wire.Key]*cursor // by private handle
}

// documentVisit is that a connection is in a document, under the identity it had when it joined.
type documentVisit struct {
	at       *documentPlace
	identity json.RawMessage
}

// NewCursors returns a Cursors.
func NewCursors() *Cursors {
	return &Cursors{users: map[actors.Peer]*cursorUser{}, public: map[int]*cursor{}}
}

// Start is called by the registry.
func (c *Cursors) Start(context *actors.ServiceContext) error {
	c.context, c.documents = context, newSpread[*cursorDocument](context)
	return nil
}

type documentParams struct {
	Document json.RawMessage `json:"document"`
}

type createParams struct {
	PrivateHandle json.RawMessage `json:"privateHandle"`
	Document      json.RawMessage `json:"document"`
	Position      json.RawMessage `json:"position"`
	Status        json.RawMessage `json:"status"`
}

type updateParams struct {
	PrivateHandle json.RawMessage `json:"privateHandle"`
	NewData       json.RawMessage `json:"newData"`
}

type handleParams struct {
	PrivateHandle json.RawMessage `json:"privateHandle"`
}

// Commands are those of PROTOCOL.md section 6.7.
func (c *Cursors) Commands() actors.Commands {
	return actors.Commands{
		"join":         actors.Command(c.join),
		"leave":        actors.Command(c.leave),
		"createCursor": actors.Command(c.create).Publishing(),
		"updateCursor": actors.Command(c.update).Publishing(),
		"removeCursor": actors.Command(c.remove).Publishing(),
	}
}

func (c *Cursors) join(call *actors.Call, p documentParams) (cursorList, error) {
	if call.Identity() == nil {
		return cursorList{}, wire.ErrNotAuthenticated
	}
	k, err := c.context.Channels().Key(p.Document)
	if err != nil {
		return cursorList{}, err
	}
	peer, _ := call.Peer()
	u := c.users[peer]
	switch {
	case u == nil:
		u = &cursorUser{documents: map[wire.Key]*documentVisit{}, cursors: map[wire.Key]*cursor{}}
		c.users[peer] = u
	case u.documents[k] != nil:
		return cursorList{}, wire.ErrAlreadyJoined
	case len(u.documents) >= maxPerConnection:
		return cursorList{}, ErrTooManyJoins
	}
	at := c.documents.enter(k, func() *cursorDocument { return newCursorDocument(c.context) })
	u.documents[k] = &documentVisit{at: at, identity: slices.Clone(call.Identity())}
	return actors.Continue(call, at.part, func() (cursorList, error) { return at.content.enter(call, p.Document) })
}

// visit is where the caller of a command has joined the document.
func (c *Cursors) visit(call *actors.Call, document json.RawMessage) (*cursorUser, *documentVisit, error) {
	peer, _ := call.Peer()
	u := c.users[peer]
	k, err := key(document) // however long it is: there may have been another bound
	if u == nil || err != nil || u.documents[k] == nil {
		return nil, nil, wire.ErrNotJoined
	}
	return u, u.documents[k], nil
}

func (c *Cursors) leave(call *actors.Call, p documentParams) (any, error) {
	u, v, err := c.visit(call, p.Document)
	if err != nil {
		return nil, err
	}
	cursors := c.exit(u, v)
	if len(u.documents) == 0 {
		peer, _ := call.Peer()
		delete(c.users, peer)
	}
	return actors.Continue(call, v.at.part, func() (any, error) {
		defer c.tidy(v.at)
		return nil, v.at.content.leave(call, p.Document, cursors)
	})
}

// exit takes a connection out of a document, and returns the cursors that it has there in order of creation. Their
// private handles are free from now on.
func (c *Cursors) exit(u *cursorUser, v *documentVisit) []*cursor {
	delete(u.documents, v.at.key)
	c.documents.exit(v.at)
	var cursors []*cursor
	for private, one := range u.cursors {
		if one.at == v.at {
			delete(u.cursors, private)
			cursors = append(cursors, one)
		}
	}
	slices.SortFunc(cursors, func(a, b *cursor) int { return cmp.Compare(a.number, b.number) })
	c.free(v.at, cursors...)
	return cursors
}

// free gives the public handles of cursors back when what the part was given by now, and by the same command, is done:
// nobody may see a new cursor under the handle of one that is still there.
func (c *Cursors) free(at *documentPlace, cursors ...*cursor) {
	if len(cursors) == 0 {
		return
	}
	c.context.Do(func() {
		at.part.Do(func() {
			c.context.Do(func() {
				for _, one := range cursors {
					delete(c.public, one.public)
				}
			})
		})
	})
}

func (c *Cursors) tidy(at *documentPlace) {
	if at.content.isEmpty() {
		c.documents.tidy(at)
	}
}

func (c *Cursors) create(call *actors.Call, p createParams) (int, error) {
	private, err := key(p.PrivateHandle)
	if err != nil {
		return 0, err
	}
	u, v, err := c.visit(call, p.Document)
	switch {
	case err != nil:
		return 0, err
	case u.cursors[private] != nil:
		return 0, wire.ErrReusedHandle
	case len(u.cursors) >= maxCursors:
		return 0, wire.ErrTooManyCursors
	case len(c.public) >= handles:
		return 0, errNoHandles
	}
	c.created++
	one := &cursor{
		at: v.at, private: private, number: c.created, public: c.handle(),
		position: slices.Clone(p.Position), status: slices.Clone(p.Status),
		identity: v.identity, name: slices.Clone(p.Document),
	}
	u.cursors[private] = one
	c.public[one.public] = one
	return actors.Continue(call, v.at.part, func() (int, error) { return one.public, v.at.content.add(call, one) })
}

// handle chooses a public handle that is free. There is one.
func (c *Cursors) handle() int {
	for h := rand.IntN(handles); ; h = (h + 1) % handles {
		if c.public[h] == nil {
			return h
		}
	}
}

func (c *Cursors) find(call *actors.Call, private json.RawMessage) (*cursorUser, *cursor, error) {
	k, err := key(private)
	if err != nil {
		return nil, nil, err
	}
	peer, _ := call.Peer()
	u := c.users[peer]
	if u == nil || u.cursors[k] == nil {
		return nil, nil, wire.ErrNoSuchCursor
	}
	return u, u.cursors[k], nil
}

func (c *Cursors) update(call *actors.Call, p updateParams) (any, error) {
	_, one, err := c.find(call, p.PrivateHandle)
	if err != nil {
		return nil, err
	}
	var position, status json.RawMessage // nil: it stays
	err = wire.Members(p.NewData, func(name string, value []byte) bool {
		switch name {
		case "position":
			position = slices.Clone(value)
		case "status":
			status = slices.Clone(value)
		}
		return true
	})
	if err != nil {
		return nil, wire.ErrInvalidParams
	}
	return actors.Continue(call, one.at.part, func() (any, error) {
		return nil, one.at.content.update(call, one, position, status)
	})
}

func (c *Cursors) remove(call *actors.Call, p handleParams) (any, error) {
	u, one, err := c.find(call, p.PrivateHandle)
	if err != nil {
		return nil, err
	}
	delete(u.cursors, one.private)
	c.free(one.at, one)
	return actors.Continue(call, one.at.part, func() (any, error) { return nil, one.at.content.remove(call, one) })
}

// Disconnected takes a connection that has ended out of all its documents.
func (c *Cursors) Disconnected(peer actors.Peer) {
	u := c.users[peer]
	if u == nil {
		return
	}
	delete(c.users, peer)
	for _, v := range u.documents {
		cursors := c.exit(u, v)
		v.at.part.Do(func() {
			defer c.tidy(v.at)
			if err := v.at.content.exit(nil, cursors); err != nil {
				c.context.Logger().Error().Err(err).Msg("cursors cannot be told to be gone")
			}
		})
	}
}
