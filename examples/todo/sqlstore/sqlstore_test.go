package sqlstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/snorky-go/snorky/examples/internal/tasks"
	"github.com/snorky-go/snorky/examples/internal/tasks/storetest"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/examples/todo/internal/pgtest"
	"github.com/snorky-go/snorky/examples/todo/sqlstore"
)

// cluster is the PostgreSQL of all tests here; nil if the developer said that there is none.
var cluster *pgtest.Cluster

func TestMain(m *testing.M) {
	if pgtest.Wanted() {
		var err error
		if cluster, err = pgtest.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if cluster != nil {
			if err := cluster.Stop(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				status = 1
			}
		}
		os.Exit(status)
	}))
}

func needsPostgres(t *testing.T) {
	t.Helper()
	if cluster == nil {
		t.Skip(pgtest.Without, " is set")
	}
}

// databases are the addresses of an empty database of each kind.
var databases = map[string]func(*testing.T) string{
	"PostgreSQL": func(t *testing.T) string {
		needsPostgres(t)
		return cluster.Database(t)
	},
	"SQLite": func(t *testing.T) string { return filepath.Join(t.TempDir(), "to do?.db") },
}

func open(t *testing.T, address string, limits tasks.Limits) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), address, limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStores(t *testing.T) {
	for name, address := range databases {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T, limits tasks.Limits) tasks.Store { return open(t, address(t), limits) })
		})
	}
}
