package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/snorky-go/snorky/examples/internal/tasks"
)

// Add is of tasks.Store.
func (s *Store) Add(ctx context.Context, title, owner string) (added tasks.Task, err error) {
	err = s.change(ctx, func(tx *change) error {
		var count int
		var last *int64
		if err := tx.row(`SELECT count(*), max(position) FROM tasks`).Scan(&count, &last); err != nil {
			return err
		}
		if count >= s.limits.Tasks {
			return tasks.ErrFull
		}
		position, _ := tasks.Slot{Low: last}.Position() // there is always room at the end
		added = tasks.Task{ID: tx.revision + 1, Title: title, Owner: owner, Position: position}
		return tx.insert(&added)
	})
	return added, err
}

// Update is of tasks.Store.
func (s *Store) Update(ctx context.Context, id int64, p tasks.Patch) (now tasks.Task, err error) {
	err = s.change(ctx, func(tx *change) error {
		old, err := tx.task(id)
		if err != nil {
			return err
		}
		position := old.Position
		if p.After != nil {
			if position, err = tx.place(old, *p.After); err != nil {
				return err
			}
		}
		now = p.Apply(old)
		now.Position = position
		return tx.update(old, &now)
	})
	return now, err
}

// Delete is of tasks.Store.
func (s *Store) Delete(ctx context.Context, id int64) (removed tasks.Task, err error) {
	err = s.change(ctx, func(tx *change) error {
		if removed, err = tx.task(id); err != nil {
			return err
		}
		return tx.remove(&removed)
	})
	return removed, err
}

// ClearDone is of tasks.Store.
func (s *Store) ClearDone(ctx context.Context, v tasks.View) (removed []tasks.Task, err error) {
	if v.Open {
		return nil, ctx.Err() // nothing there is done
	}
	err = s.change(ctx, func(tx *change) error {
		if removed, err = tx.tasks(selectTasks+`WHERE t.done AND ($1 = '' OR t.owner = $1)`+inOrder, v.Owner); err != nil {
			return err
		}
		for i := range removed {
			if err := tx.remove(&removed[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return removed, err
}

// change is a transaction that changes the list.
type change struct {
	ctx      context.Context
	tx       *sql.Tx
	revision int64
}

// change runs work in a transaction. What work changes, and the notes about it in the outbox, take effect together, or
// not at all if there is an error.
func (s *Store) change(ctx context.Context, work func(*change) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	c := &change{ctx: ctx, tx: tx}
	// Whoever updates the one row of this table has it to himself until the end of the transaction. So changes take
	// turns, and a later revision is always a later commit.
	if err := c.row(`UPDATE list SET revision = revision RETURNING revision`).Scan(&c.revision); err != nil {
		return err
	}
	before := c.revision
	if err := s.checkBacklog(c); err != nil {
		return err
	}
	if err := work(c); err != nil || c.revision == before {
		return err
	}
	if err := c.exec(`UPDATE list SET revision = $1`, c.revision); err != nil {
		return err
	}
	return tx.Commit()
}

// checkBacklog looks at the oldest note only: revisions have no gaps.
func (s *Store) checkBacklog(c *change) error {
	var first *int64
	if err := c.row(`SELECT min(revision) FROM outbox`).Scan(&first); err != nil {
		return err
	}
	if first != nil && c.revision-*first+1 >= s.limits.Pending {
		return tasks.ErrBacklog
	}
	return nil
}

func (c *change) row(query string, args ...any) *sql.Row {
	return c.tx.QueryRowContext(c.ctx, query, args...)
}

func (c *change) exec(query string, args ...any) error {
	_, err := c.tx.ExecContext(c.ctx, query, args...)
	return err
}

func (c *change) task(id int64) (tasks.Task, error) {
	found, err := c.tasks(selectTasks+`WHERE t.id = $1`, id)
	if err == nil && len(found) == 0 {
		err = tasks.ErrNotFound
	}
	if err != nil {
		return tasks.Task{}, err
	}
	return found[0], nil
}

const (
	selectTasks = `SELECT ` + columns + ` FROM tasks t `
	inOrder     = ` ORDER BY t.position, t.id`
)

func (c *change) tasks(query string, args ...any) (found []tasks.Task, err error) {
	rows, err := c.tx.QueryContext(c.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var t tasks.Task
		if err := rows.Scan(&t.ID, &t.Title, &t.Done, &t.Owner, &t.Position, &t.Revision); err != nil {
			return nil, err
		}
		found = append(found, t)
	}
	return found, rows.Err()
}

func (c *change) insert(t *tasks.Task) error {
	if err := c.note(nil, t); err != nil {
		return err
	}
	return c.exec(`INSERT INTO tasks (id, title, done, owner, position, revision) VALUES ($1, $2, $3, $4, $5, $6)`,
		t.ID, t.Title, t.Done, t.Owner, t.Position, t.Revision)
}

// update writes now over old, if it is another.
func (c *change) update(old tasks.Task, now *tasks.Task) error {
	if old == *now {
		return nil
	}
	if err := c.note(&old, now); err != nil {
		return err
	}
	return c.exec(`UPDATE tasks SET title = $1, done = $2, owner = $3, position = $4, revision = $5 WHERE id = $6`,
		now.Title, now.Done, now.Owner, now.Position, now.Revision, now.ID)
}

// remove marks the task with the revision of its end.
func (c *change) remove(t *tasks.Task) error {
	if err := c.note(t, nil); err != nil {
		return err
	}
	t.Revision = c.revision
	return c.exec(`DELETE FROM tasks WHERE id = $1`, t.ID)
}

// note counts a change of a row, marks the row with the revision, and writes the change into the outbox.
func (c *change) note(old, now *tasks.Task) error {
	c.revision++
	if now != nil {
		now.Revision = c.revision
	}
	text, err := json.Marshal(tasks.Change{Revision: c.revision, Old: old, New: now})
	if err != nil {
		return err
	}
	return c.exec(`INSERT INTO outbox (revision, change) VALUES ($1, $2)`, c.revision, string(text))
}
