package sqlstore

import (
	"context"
	"database/sql"
	"strings"
)

// dialect is what tells one database from the other.
type dialect interface {
	// open makes a pool of connections. It need not connect.
	open(address string) (*sql.DB, error)
	// lock keeps other processes out of a migration, until the end of the transaction.
	lock(ctx context.Context, tx *sql.Tx) error
	// outbox returns by what the outbox is read and emptied. Until finish is called no other process gets one. finish is
	// given the error that there is, if any, and returns the one that there is then.
	outbox(ctx context.Context, db *sql.DB) (box querier, finish func(error) error, err error)
	// explain makes an error of the first use of a database understandable.
	explain(address string, err error) error
}

func dialectOf(address string) (dialect, error) {
	if strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://") {
		return postgres{}, nil
	}
	if scheme, _, ok := strings.Cut(address, "://"); ok {
		return nil, unknownSchemeError(scheme)
	}
	return sqlite{}, nil
}
