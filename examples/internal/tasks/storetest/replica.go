package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/snorky-go/snorky/examples/internal/tasks"
)

// Replica is the list as somebody knows it who only hears of its changes.
type Replica struct {
	revision int64
	rows     map[int64]tasks.Task
}

// Apply makes changes to the replica. The error tells what is impossible about them: a revision too many or too few, or
// a row that was another before.
func (r *Replica) Apply(changes []tasks.Change) error {
	if r.rows == nil {
		r.rows = map[int64]tasks.Task{}
	}
	for _, c := range changes {
		if c.Revision != r.revision+1 {
			return fmt.Errorf("revision %d came after %d", c.Revision, r.revision)
		}
		if c.Old == nil && c.New == nil {
			return fmt.Errorf("revision %d changed nothing", c.Revision)
		}
		r.revision++
		if c.Old != nil {
			if r.rows[c.Old.ID] != *c.Old {
				return fmt.Errorf("revision %d changed %+v, which was %+v", c.Revision, *c.Old, r.rows[c.Old.ID])
			}
			delete(r.rows, c.Old.ID)
		}
		if c.New == nil {
			continue
		}
		if known, there := r.rows[c.New.ID]; there || c.New.Revision != c.Revision || c.Old != nil && c.Old.ID != c.New.ID {
			return fmt.Errorf("revision %d made %+v of %+v", c.Revision, *c.New, known)
		}
		r.rows[c.New.ID] = *c.New
	}
	return nil
}

// List is the whole list.
func (r *Replica) List() tasks.List {
	rows := slices.SortedFunc(maps.Values(r.rows), func(a, b tasks.Task) int { return cmp.Compare(a.Position, b.Position) })
	return tasks.List{Revision: r.revision, Tasks: rows}
}
