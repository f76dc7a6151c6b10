package sqlstore

import (
	"database/sql"
	"errors"

	"github.com/snorky-go/snorky/examples/internal/tasks"
)

// place finds a position for a task behind another one; 0 stands for the top. If there is no room, it numbers the list
// again.
func (c *change) place(mover tasks.Task, after int64) (int64, error) {
	slot, err := c.slot(mover.ID, after)
	if err != nil {
		return 0, err
	}
	if slot.Holds(mover.Position) {
		return mover.Position, nil
	}
	if position, room := slot.Position(); room {
		return position, nil
	}
	return c.renumber(mover, after)
}

// slot is the room behind a task, as if the one that moves were not there.
func (c *change) slot(mover, after int64) (slot tasks.Slot, err error) {
	if after == 0 {
		err = c.row(`SELECT min(position) FROM tasks WHERE id <> $1`, mover).Scan(&slot.High)
		return slot, err
	}
	err = c.row(`SELECT position FROM tasks WHERE id = $1 AND id <> $2`, after, mover).Scan(&slot.Low)
	if errors.Is(err, sql.ErrNoRows) {
		return slot, tasks.ErrNeighbour
	}
	if err == nil {
		err = c.row(`SELECT min(position) FROM tasks WHERE position > $1 AND id <> $2`, *slot.Low, mover).Scan(&slot.High)
	}
	return slot, err
}

// renumber spreads out the list with a task in its new place, and returns the position of that.
func (c *change) renumber(mover tasks.Task, after int64) (position int64, err error) {
	others, err := c.tasks(selectTasks+`WHERE t.id <> $1`+inOrder, mover.ID)
	if err != nil {
		return 0, err
	}
	next := 0
	if after == 0 {
		position = tasks.Numbered(next)
		next++
	}
	for _, old := range others {
		now := old
		now.Position = tasks.Numbered(next)
		next++
		if err := c.update(old, &now); err != nil {
			return 0, err
		}
		if old.ID == after {
			position = tasks.Numbered(next)
			next++
		}
	}
	return position, nil
}
