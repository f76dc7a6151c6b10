// Package sqlstore keeps a to-do list in PostgreSQL or SQLite. Both get the same statements; what they do not have in
// common is in their dialects.
package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/snorky-go/snorky/examples/internal/tasks"
)

// Store is a list in a database.
type Store struct {
	db      *sql.DB
	limits  tasks.Limits
	dialect dialect
	turn    chan struct{} // holds one value while nobody in this process relays
}

var _ tasks.Store = (*Store)(nil)

// Open connects to the database, makes the tables or brings them up to date, and returns the list in it. address is that
// of a PostgreSQL server, beginning with postgres:// or postgresql://, or the name of an SQLite file, which is made if
// it is not there. One process at a time may use an SQLite file. The error says what is wrong without the password.
func Open(ctx context.Context, address string, limits tasks.Limits) (*Store, error) {
	d, err := dialectOf(address)
	if err != nil {
		return nil, err
	}
	db, err := d.open(address)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, limits: limits.OrDefault(), dialect: d, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(d.explain(address, err), db.Close())
	}
	return s, nil
}

// Close closes the connections. Calls that are under way fail.
func (s *Store) Close() error { return s.db.Close() }

const columns = "t.id, t.title, t.done, t.owner, t.position, t.revision"

// List is of tasks.Store. Tasks and revision are of one moment, because they come from one statement.
func (s *Store) List(ctx context.Context, v tasks.View) (tasks.List, error) {
	rows, err := s.db.QueryContext(ctx, `
		SELECT l.revision, `+columns+`
		FROM list l
		LEFT JOIN tasks t ON (NOT $1 OR NOT t.done) AND ($2 = '' OR t.owner = $2)`+inOrder, v.Open, v.Owner)
	if err != nil {
		return tasks.List{}, err
	}
	defer func() { _ = rows.Close() }()
	list := tasks.List{Tasks: []tasks.Task{}}
	for rows.Next() {
		var row nullTask
		if err := rows.Scan(append([]any{&list.Revision}, row.fields()...)...); err != nil {
			return tasks.List{}, err
		}
		if row.id.Valid { // else no task matched
			list.Tasks = append(list.Tasks, row.task())
		}
	}
	return list, rows.Err()
}

// nullTask is the row of an outer join.
type nullTask struct {
	id, position, revision sql.NullInt64
	title, owner           sql.NullString
	done                   sql.NullBool
}

func (n *nullTask) fields() []any {
	return []any{&n.id, &n.title, &n.done, &n.owner, &n.position, &n.revision}
}

func (n *nullTask) task() tasks.Task {
	return tasks.Task{
		ID: n.id.Int64, Title: n.title.String, Done: n.done.Bool, Owner: n.owner.String,
		Position: n.position.Int64, Revision: n.revision.Int64,
	}
}

// Relay is of tasks.Outbox.
func (s *Store) Relay(ctx context.Context, most int, publish func(context.Context, []tasks.Change) error) (sent int, err error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-s.turn:
	}
	defer func() { s.turn <- struct{}{} }()
	box, finish, err := s.dialect.outbox(ctx, s.db)
	if err != nil {
		return 0, err
	}
	defer func() { err = finish(err) }()
	changes, err := oldest(ctx, box, most)
	if err != nil || len(changes) == 0 {
		return 0, err
	}
	if err := publish(ctx, changes); err != nil {
		return 0, err
	}
	// Revisions are in the order of the commits: nothing older can have come since.
	last := changes[len(changes)-1].Revision
	if _, err := box.ExecContext(ctx, `DELETE FROM outbox WHERE revision <= $1`, last); err != nil {
		return 0, err
	}
	return len(changes), nil
}

func oldest(ctx context.Context, box querier, most int) (changes []tasks.Change, err error) {
	rows, err := box.QueryContext(ctx, `SELECT change FROM outbox ORDER BY revision LIMIT $1`, most)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		var c tasks.Change
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("the outbox has something else in it: %w", err)
		}
		changes = append(changes, c)
	}
	return changes, rows.Err()
}

// querier is what a transaction and a database have in common.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
