package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

type sqlite struct{}

// open takes the file for this process alone. There is one connection, so that transactions take turns; in a file of
// this size none takes long.
func (sqlite) open(file string) (*sql.DB, error) {
	settings := url.Values{"_pragma": {
		"locking_mode(exclusive)",
		"busy_timeout(2000)", // a process that is ending may have the file for a moment
		"journal_mode(wal)",
		"synchronous(full)", // what was answered survives a power cut
	}}
	db, err := driver.Open("file:" + (&url.URL{Path: file}).EscapedPath() + "?" + settings.Encode())
	if err != nil {
		return nil, fmt.Errorf("SQLite: %w", err)
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	db.SetConnMaxLifetime(0)
	return db, nil
}

// lock has nothing to do: whoever has the file has it alone.
func (sqlite) lock(context.Context, *sql.Tx) error { return nil }

// outbox leaves the connection to others while something is published. No other process can come in between.
func (sqlite) outbox(_ context.Context, db *sql.DB) (querier, func(error) error, error) {
	return db, func(err error) error { return err }, nil
}

func (sqlite) explain(file string, err error) error {
	switch {
	case errors.Is(err, sqlite3.BUSY):
		return fmt.Errorf("SQLite: another process uses %s", file)
	case errors.Is(err, sqlite3.NOTADB):
		return fmt.Errorf("SQLite: %s is no database", file)
	case errors.Is(err, sqlite3.CANTOPEN):
		return fmt.Errorf("SQLite: %s cannot be opened or made; is its folder there, and may it be written to?", file)
	}
	return fmt.Errorf("SQLite: %s: %w", file, err)
}
