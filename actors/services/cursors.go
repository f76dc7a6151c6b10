package services

import (
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
type Cursors struct {
	context   *actors.ServiceContext
	documents map[wire.Key]*document
	users     map[actors.Peer]*cursorUser
	public    map[int]*cursor
}

// document is one that somebody has joined.
type document struct {
	name    json.RawMessage
	joined  map[actors.Peer]json.RawMessage // with the identity at that time
	cursors []*cursor                       // in order of creation
}

// cursorUser is a connection that has joined a document.
type cursorUser struct {
	documents map[wire.Key]*document
	cursors   map[wire.Key]*cursor // by private handle
}

type cursor struct {
	owner    actors.Peer
	private  wire.Key
	document *document
	public   int
	position json.RawMessage
	status   json.RawMessage
	identity json.RawMessage
	name     json.RawMessage // of the document, as its creator wrote it
}

// cursorData is the CURSOR of PROTOCOL.md section 6.7.
type cursorData struct {
	PublicHandle int             `json:"publicHandle"`
	Document     json.RawMessage `json:"document"`
	Position     json.RawMessage `json:"position"`
	Status       json.RawMessage `json:"status"`
	Owner        json.RawMessage `json:"owner"`
}

// cursorGone is what cursorRemoved tells of a cursor.
type cursorGone struct {
	PublicHandle int             `json:"publicHandle"`
	Document     json.RawMessage `json:"document"`
}

// cursorNotification is any of the three of PROTOCOL.md section 6.7.
type cursorNotification struct {
	Type   string `json:"type"`
	Cursor any    `json:"cursor"`
}

// NewCursors returns a Cursors.
func NewCursors() *Cursors {
	return &Cursors{
		documents: map[wire.Key]*document{},
		users:     map[actors.Peer]*cursorUser{},
		public:    map[int]*cursor{},
	}
}

// Start is called by the registry.
func (c *Cursors) Start(context *actors.ServiceContext) error {
	c.context = context
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

type cursorList struct {
	Cursors []cursorData `json:"cursors"`
}

// Commands are those of PROTOCOL.md section 6.7.
func (c *Cursors) Commands() actors.Commands {
	return actors.Commands{
		"join":         actors.Command(c.join),
		"leave":        actors.Command(c.leave),
		"createCursor": actors.Command(c.create),
		"updateCursor": actors.Command(c.update),
		"removeCursor": actors.Command(c.remove),
	}
}

func (c *Cursors) join(call *actors.Call, p documentParams) (cursorList, error) {
	if call.Identity() == nil {
		return cursorList{}, wire.ErrNotAuthenticated
	}
	peer, _ := call.Peer()
	k, err := key(p.Document)
	if err != nil {
		return cursorList{}, err
	}
	u := c.users[peer]
	switch {
	case u == nil:
		u = &cursorUser{documents: map[wire.Key]*document{}, cursors: map[wire.Key]*cursor{}}
		c.users[peer] = u
	case u.documents[k] != nil:
		return cursorList{}, wire.ErrAlreadyJoined
	case len(u.documents) >= maxPerConnection:
		return cursorList{}, ErrTooManyJoins
	}
	d := c.documents[k]
	if d == nil {
		d = &document{name: p.Document, joined: map[actors.Peer]json.RawMessage{}}
		c.documents[k] = d
	}
	d.joined[peer] = call.Identity()
	u.documents[k] = d
	list := cursorList{Cursors: make([]cursorData, len(d.cursors))}
	for i, one := range d.cursors {
		list.Cursors[i] = one.data(one.name)
	}
	return list, nil
}

func (c *cursor) data(name json.RawMessage) cursorData {
	return cursorData{PublicHandle: c.public, Document: name, Position: c.position, Status: c.status, Owner: c.identity}
}

// tell sends a notification to all that have joined a document but one.
func (c *Cursors) tell(d *document, but actors.Peer, kind string, cursor any) error {
	message, err := c.context.Notification(cursorNotification{Type: kind, Cursor: cursor})
	if err != nil {
		return err
	}
	for peer := range d.joined {
		if peer != but {
			peer.Send(message)
		}
	}
	return nil
}

func (c *Cursors) leave(call *actors.Call, p documentParams) (any, error) {
	peer, _ := call.Peer()
	k, err := key(p.Document)
	if err != nil {
		return nil, err
	}
	u := c.users[peer]
	if u == nil || u.documents[k] == nil {
		return nil, wire.ErrNotJoined
	}
	err = c.exit(peer, u, k)
	if len(u.documents) == 0 {
		delete(c.users, peer)
	}
	return nil, err
}

// exit takes a connection out of a document, with its cursors there.
func (c *Cursors) exit(peer actors.Peer, u *cursorUser, k wire.Key) error {
	d := u.documents[k]
	delete(u.documents, k)
	delete(d.joined, peer)
	var errs []error
	for _, one := range slices.Clone(d.cursors) {
		if one.owner == peer {
			errs = append(errs, c.drop(u, one))
		}
	}
	if len(d.joined) == 0 {
		delete(c.documents, k)
	}
	return errors.Join(errs...)
}

// drop removes a cursor and tells the others.
func (c *Cursors) drop(u *cursorUser, one *cursor) error {
	d := one.document
	delete(u.cursors, one.private)
	delete(c.public, one.public)
	d.cursors = slices.DeleteFunc(d.cursors, func(other *cursor) bool { return other == one })
	return c.tell(d, one.owner, "cursorRemoved", cursorGone{PublicHandle: one.public, Document: one.name})
}

func (c *Cursors) create(call *actors.Call, p createParams) (int, error) {
	peer, _ := call.Peer()
	private, err := key(p.PrivateHandle)
	if err != nil {
		return 0, err
	}
	k, err := key(p.Document)
	if err != nil {
		return 0, err
	}
	u := c.users[peer]
	switch {
	case u == nil || u.documents[k] == nil:
		return 0, wire.ErrNotJoined
	case u.cursors[private] != nil:
		return 0, wire.ErrReusedHandle
	case len(u.cursors) >= maxCursors:
		return 0, wire.ErrTooManyCursors
	case len(c.public) >= handles:
		return 0, errNoHandles
	}
	d := u.documents[k]
	one := &cursor{
		owner: peer, private: private, document: d, public: c.handle(),
		position: p.Position, status: p.Status, identity: d.joined[peer], name: p.Document,
	}
	u.cursors[private] = one
	c.public[one.public] = one
	d.cursors = append(d.cursors, one)
	return one.public, c.tell(d, peer, "cursorAdded", one.data(p.Document))
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
	peer, _ := call.Peer()
	k, err := key(private)
	if err != nil {
		return nil, nil, err
	}
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
	position, status := one.position, one.status
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
	one.position, one.status = position, status
	return nil, c.tell(one.document, one.owner, "cursorUpdated", one.data(one.name))
}

func (c *Cursors) remove(call *actors.Call, p handleParams) (any, error) {
	u, one, err := c.find(call, p.PrivateHandle)
	if err != nil {
		return nil, err
	}
	return nil, c.drop(u, one)
}

// Disconnected takes a connection that has ended out of all its documents.
func (c *Cursors) Disconnected(peer actors.Peer) {
	u := c.users[peer]
	if u == nil {
		return
	}
	delete(c.users, peer)
	for k := range u.documents {
		if err := c.exit(peer, u, k); err != nil {
			c.context.Logger().Error().Err(err).Msg("cursors cannot be told to be gone")
		}
	}
}
