package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

type unknownSchemeError string

func (s unknownSchemeError) Error() string {
	return fmt.Sprintf("a database at %s://... is unknown here; it is postgres://USER@HOST/NAME, or the name of a file for SQLite", string(s))
}

// The keys of the advisory locks. They are arbitrary, but must not be those of others in the same database.
const (
	migrationLock = 0x736e6f726b790001
	outboxLock    = 0x736e6f726b790002
)

type postgres struct{}

// connections is how many a process takes. One of them is the Publisher's while it publishes.
const connections = 8

func (postgres) open(address string) (*sql.DB, error) {
	c, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err) // pgx shows no password
	}
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func (postgres) lock(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrationLock))
	return err
}

// outbox opens a transaction that holds a lock. If the connection breaks, the server lets others have the lock, and what
// was being published is published again by them.
func (postgres) outbox(ctx context.Context, db *sql.DB) (querier, func(error) error, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(outboxLock)); err != nil {
		_ = tx.Rollback()
		return nil, nil, err
	}
	return tx, func(err error) error {
		if err != nil {
			_ = tx.Rollback()
			return err
		}
		return tx.Commit()
	}, nil
}

// explain makes one line of the many that pgx has about the addresses that it tried.
func (postgres) explain(_ string, err error) error {
	return errors.New("PostgreSQL: " + strings.Join(strings.Fields(err.Error()), " "))
}
