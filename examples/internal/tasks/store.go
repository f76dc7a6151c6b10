package tasks

import (
	"context"
	"errors"
)

// What a Store refuses. The list is as it was before.
var (
	// ErrNotFound says that there is no task with this ID, any more or at all.
	ErrNotFound = errors.New("no such task")
	// ErrNeighbour says that there is no task to go behind, or that it is the task itself.
	ErrNeighbour = errors.New("no such task to go behind")
	// ErrFull says that the list has as many tasks as it may have.
	ErrFull = errors.New("the list is full")
	// ErrBacklog says that as many changes wait for Snorky as may.
	ErrBacklog = errors.New("too many changes wait to be published")
)

// Store keeps the list and its outbox. Its methods are safe for concurrent use; each may block until ctx is done, and
// then returns its error. A change takes effect as a whole or not at all, and is in the outbox if it took effect.
//
// Changes are made one after another: their revisions are in the order in which they took effect. What changes nothing
// has no revision.
type Store interface {
	// List returns the tasks of a view, in their order, as they were at one moment.
	List(ctx context.Context, v View) (List, error)
	// Add puts a task at the end.
	Add(ctx context.Context, title, owner string) (Task, error)
	// Update changes a task and returns what it is now.
	Update(ctx context.Context, id int64, p Patch) (Task, error)
	// Delete removes a task and returns it with the revision of its end.
	Delete(ctx context.Context, id int64) (Task, error)
	// ClearDone removes all tasks of a view that are done, and returns them as Delete does.
	ClearDone(ctx context.Context, v View) ([]Task, error)

	Outbox
}

// Outbox has the changes that are not published yet.
type Outbox interface {
	// Relay calls publish with the oldest changes, most of them at most and in their order, and forgets them if it
	// returns nil. It tells how many those were, and returns publish's error as it is. Without changes it does not call.
	//
	// Calls of Relay take turns, also those of several processes that share a database, but nobody else waits for
	// publish. If a process ends between publishing and forgetting, the changes are published again, before any later
	// ones.
	Relay(ctx context.Context, most int, publish func(context.Context, []Change) error) (int, error)
}

// Limits bound a Store. The zero value of each field stands for its default.
type Limits struct {
	// Tasks is how many the list may have; by default 500.
	Tasks int
	// Pending is how many changes may wait in the outbox; by default 10,000. One of them takes a kilobyte or two.
	Pending int64
}

// OrDefault replaces zeros by the defaults.
func (l Limits) OrDefault() Limits {
	if l.Tasks == 0 {
		l.Tasks = 500
	}
	if l.Pending == 0 {
		l.Pending = 10_000
	}
	return l
}
