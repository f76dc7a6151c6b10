package tasks

import "github.com/snorky-go/snorky/backendapi/client"

// The names that the application and the configuration of Snorky have agreed upon.
const (
	// Model is the model of the deltas.
	Model = "Task"
	// Service is the service by which the application authorizes and publishes.
	Service = "datasync_backend"

	// DealerAll is a broadcast dealer: it deals everything.
	DealerAll = "AllTasks"
	// DealerOwner is a key dealer: it deals the tasks of one owner.
	DealerOwner = "TasksByOwner"
	// OwnerField is the key of DealerOwner.
	OwnerField = "owner"
	// DealerFilter is a filter dealer: it deals what matches the query.
	DealerFilter = "FilteredTasks"
)

// Task is one row of the list. It is also what goes to the pages, in answers and in deltas.
type Task struct {
	// ID is the revision with which the task came. No other task ever has it.
	ID    int64  `json:"id"`
	Title string `json:"title"`
	Done  bool   `json:"done"`
	Owner string `json:"owner"` // empty: nobody's
	// Position gives the tasks their order. It says nothing else, and two tasks never have the same.
	Position int64 `json:"position"`
	// Revision is that of the list when this row was changed last.
	Revision int64 `json:"revision"`
}

// List is what a view shows at one moment.
type List struct {
	// Revision counts the changes of the list; these tasks are what the first Revision of them made.
	Revision int64  `json:"revision"`
	Tasks    []Task `json:"tasks"`
}

// Change is what happened to one row. Without Old it is new, without New it is gone.
type Change struct {
	Revision int64 `json:"revision"`
	Old      *Task `json:"old,omitempty"`
	New      *Task `json:"new,omitempty"`
}

// Delta is the change as it is published. All rows in it have the revision of the change, so that a page knows one
// that it has seen, whichever side of it a dealer passes on.
func (c Change) Delta() client.Delta {
	switch {
	case c.Old == nil:
		return client.Insert(Model, c.stamped(*c.New))
	case c.New == nil:
		return client.Delete(Model, c.stamped(*c.Old))
	default:
		return client.Update(Model, c.stamped(*c.Old), c.stamped(*c.New))
	}
}

func (c Change) stamped(t Task) Task {
	t.Revision = c.Revision
	return t
}

// Patch says what to change of a task. What is nil stays as it is.
type Patch struct {
	Title *string
	Done  *bool
	Owner *string
	// After is the task behind which this one goes; 0 moves it to the top.
	After *int64
}

// Apply returns the task with all of the patch but the move.
func (p Patch) Apply(t Task) Task {
	if p.Title != nil {
		t.Title = *p.Title
	}
	if p.Done != nil {
		t.Done = *p.Done
	}
	if p.Owner != nil {
		t.Owner = *p.Owner
	}
	return t
}

// View chooses tasks. The zero value chooses all.
type View struct {
	// Open chooses those that are not done.
	Open bool
	// Owner chooses those of one owner; empty: of everybody.
	Owner string
}

// Shows tells whether the view has the task in it.
func (v View) Shows(t Task) bool {
	return (!v.Open || !t.Done) && (v.Owner == "" || t.Owner == v.Owner)
}

// Item is the view as a query to a dealer. What it matches is what Shows says.
func (v View) Item() client.Item {
	open := []any{"==", "done", false}
	switch {
	case v.Open && v.Owner != "":
		return client.Item{Dealer: DealerFilter, Query: []any{"and", open, []any{"==", OwnerField, v.Owner}}}
	case v.Open:
		return client.Item{Dealer: DealerFilter, Query: open}
	case v.Owner != "":
		return client.Item{Dealer: DealerOwner, Query: v.Owner}
	default:
		return client.Item{Dealer: DealerAll}
	}
}
