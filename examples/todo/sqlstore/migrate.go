package sqlstore

import (
	"context"
	"fmt"
)

// migrations are the steps from an empty database to the one that this program needs. Later ones are appended; those
// that have been released do not change any more.
var migrations = [][]string{
	{
		// One row. Its lock is what changes take turns by.
		`CREATE TABLE list (
			one      SMALLINT PRIMARY KEY CHECK (one = 1),
			revision BIGINT   NOT NULL
		)`,
		`INSERT INTO list (one, revision) VALUES (1, 0)`,
		`CREATE TABLE tasks (
			id       BIGINT  PRIMARY KEY,
			title    TEXT    NOT NULL,
			done     BOOLEAN NOT NULL,
			owner    TEXT    NOT NULL,
			position BIGINT  NOT NULL,
			revision BIGINT  NOT NULL
		)`,
		`CREATE INDEX tasks_in_order ON tasks (position)`,
		// What has been committed and not been published. A change is a JSON text.
		`CREATE TABLE outbox (
			revision BIGINT PRIMARY KEY,
			change   TEXT   NOT NULL
		)`,
	},
}

// migrate brings the tables up to date. When several processes start at once, one of them does it.
func (s *Store) migrate(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := s.dialect.lock(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS migrations (step INTEGER PRIMARY KEY)`); err != nil {
		return err
	}
	var done int
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(step), 0) FROM migrations`).Scan(&done); err != nil {
		return err
	}
	if done > len(migrations) {
		return fmt.Errorf("the database is of a newer version of this program (step %d; this one knows %d)", done, len(migrations))
	}
	for step, statements := range migrations[done:] {
		for _, statement := range append(statements, fmt.Sprintf(`INSERT INTO migrations (step) VALUES (%d)`, done+step+1)) {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("step %d: %w", done+step+1, err)
			}
		}
	}
	return tx.Commit()
}
