package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/snorky-go/snorky/actors/wire"
)

// call is a request that waits to be sent or to be answered.
type call struct {
	id      uint64
	service string
	packet  []byte
	// bound calls are about the state of the connection they were made on, and make no sense on the next.
	bound bool
	// finish is called once, unless the call is forgotten before. It does not block and is not called under Client.mu.
	finish func(data json.RawMessage, err error)
}

type result struct {
	data json.RawMessage
	err  error
}

// Call calls a command of a service and returns its result. params is marshalled to a JSON object; nil stands for none,
// and a json.RawMessage goes as it is. An error of the service is an *Error.
//
// While there is no connection, calls wait for one, until ctx ends. A call is sent once: if the connection is lost
// before the answer, the error is ErrConnectionLost.
func (c *Client) Call(ctx context.Context, service, command string, params any) (json.RawMessage, error) {
	encoded := []byte("{}")
	if params != nil {
		var err error
		if encoded, err = encode(params); err != nil {
			return nil, err
		}
	}
	k, results := c.newCall(service, command, encoded)
	if err := c.lockWithRoom(ctx, len(k.packet)); err != nil {
		return nil, err
	}
	c.enqueue(k)
	c.mu.Unlock()
	c.wakeWriter()
	return c.await(ctx, k, results)
}

func (c *Client) newCall(service, command string, params []byte) (*call, <-chan result) {
	results := make(chan result, 1)
	k := &call{id: c.lastID.Add(1), service: service}
	k.finish = func(data json.RawMessage, err error) { results <- result{data, err} }
	message := append([]byte(`{"command":`), wire.AppendString(nil, command)...)
	message = append(message, `,"params":`...)
	message = append(message, params...)
	message = append(message, `,"callId":`...)
	message = strconv.AppendUint(message, k.id, 10)
	message = append(message, '}')
	k.packet = wire.AppendPacket(nil, service, message)
	return k, results
}

func (c *Client) await(ctx context.Context, k *call, results <-chan result) (json.RawMessage, error) {
	select {
	case r := <-results:
		return r.data, r.err
	case <-ctx.Done():
		c.forget(k)
		return nil, ctx.Err()
	}
}

// lockWithRoom waits until so many bytes may be queued, and returns with c.mu locked, unless it returns an error. Without
// a connection nothing gets the queue shorter, so nobody waits.
func (c *Client) lockWithRoom(ctx context.Context, size int) error {
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.mu.Lock()
		if c.err != nil {
			defer c.mu.Unlock()
			return c.err
		}
		if c.queued == 0 || c.queued+size <= c.options.MaxPendingBytes {
			return nil
		}
		connected, room := c.session != nil, c.room
		c.mu.Unlock()
		if !connected {
			return ErrTooMuchPending
		}
		select {
		case <-room:
		case <-ctx.Done():
		}
	}
}

// enqueue, take, forget, dropBound and madeRoom keep the queue. All but forget and take want c.mu locked.
func (c *Client) enqueue(k *call) {
	c.queue = append(c.queue, k)
	c.queued += len(k.packet)
}

// take returns the next call to be sent, or nil.
func (c *Client) take() *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil
	}
	k := c.queue[0]
	c.queue[0] = nil
	if c.queue = c.queue[1:]; len(c.queue) == 0 {
		c.queue = nil
	}
	c.queued -= len(k.packet)
	c.sent[k.id] = k
	c.madeRoom()
	return k
}

// forget drops a call that nobody waits for any more.
func (c *Client) forget(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sent, k.id)
	if i := slices.Index(c.queue, k); i >= 0 {
		c.queue = slices.Delete(c.queue, i, i+1)
		c.queued -= len(k.packet)
		c.madeRoom()
	}
}

// dropBound takes those out of the queue that make no sense on another connection.
func (c *Client) dropBound() (dropped []*call) {
	c.queue = slices.DeleteFunc(c.queue, func(k *call) bool {
		if k.bound {
			dropped = append(dropped, k)
			c.queued -= len(k.packet)
		}
		return k.bound
	})
	return dropped
}

func (c *Client) madeRoom() {
	close(c.room)
	c.room = make(chan struct{})
}

func (c *Client) wakeWriter() { signal(c.pending) }

// encode makes JSON of what the application gave.
func encode(v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok {
		if err := wire.Valid(raw); err != nil {
			return nil, fmt.Errorf("snorky: bad JSON: %w", err)
		}
		return raw, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("snorky: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// lostError is ErrConnectionLost with what is known about it.
type lostError struct{ cause error }

func (e *lostError) Error() string   { return ErrConnectionLost.Error() + ": " + e.cause.Error() }
func (e *lostError) Unwrap() []error { return []error{ErrConnectionLost, e.cause} }
