package sqlstore_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/snorky-go/snorky/examples/internal/tasks"
	"github.com/snorky-go/snorky/examples/internal/tasks/storetest"

	"github.com/snorky-go/snorky/examples/todo/sqlstore"
)

// What was answered is there after the end of the process, and so is what waits to be published.
func TestReopening(t *testing.T) {
	for name, address := range databases {
		t.Run(name, func(t *testing.T) {
			where := address(t)
			first, err := sqlstore.Open(t.Context(), where, tasks.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			added, err := first.Add(t.Context(), "Buy fins", "Ada")
			if err != nil {
				t.Fatal(err)
			}
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			again := open(t, where, tasks.Limits{})
			list, err := again.List(t.Context(), tasks.View{})
			if err != nil || list.Revision != 1 || len(list.Tasks) != 1 || list.Tasks[0] != added {
				t.Errorf("the list is %+v, %v", list, err)
			}
			var waiting storetest.Replica
			if n, err := again.Relay(t.Context(), 10, apply(&waiting)); n != 1 || err != nil || waiting.List().Tasks[0] != added {
				t.Errorf("%d changes waited: %+v, %v", n, waiting.List(), err)
			}
		})
	}
}

func apply(r *storetest.Replica) func(context.Context, []tasks.Change) error {
	return func(_ context.Context, changes []tasks.Change) error { return r.Apply(changes) }
}

// Several processes that share a database come up at once, change the list at once and publish at once.
func TestSeveralProcesses(t *testing.T) {
	needsPostgres(t)
	const processes, deeds = 4, 15
	where := cluster.Database(t)
	stores := make([]*sqlstore.Store, processes)
	var opening sync.WaitGroup
	for i := range stores {
		opening.Go(func() {
			s, err := sqlstore.Open(t.Context(), where, tasks.Limits{})
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = s.Close() })
			stores[i] = s
		})
	}
	opening.Wait()
	if t.Failed() {
		return
	}
	var working sync.WaitGroup
	var published sync.Mutex
	var replica storetest.Replica
	for _, s := range stores {
		working.Go(func() {
			for range deeds {
				if _, err := s.Add(t.Context(), "x", ""); err != nil {
					t.Error(err)
				}
				if _, err := s.Relay(t.Context(), 3, func(_ context.Context, changes []tasks.Change) error {
					if !published.TryLock() {
						t.Error("two processes publish at once")
						return nil
					}
					defer published.Unlock()
					return replica.Apply(changes)
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	working.Wait()
	for sent := 1; sent > 0 && !t.Failed(); {
		var err error
		if sent, err = stores[0].Relay(t.Context(), 100, apply(&replica)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(replica.List().Tasks); n != processes*deeds {
		t.Errorf("%d tasks were published, not %d", n, processes*deeds)
	}
}

// A server that restarts while something is published: it is published again, and everything goes on.
func TestPostgresGoesAway(t *testing.T) {
	needsPostgres(t)
	where := cluster.Database(t)
	s := open(t, where, tasks.Limits{})
	if _, err := s.Add(t.Context(), "a", ""); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("pgx", where)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	n, err := s.Relay(t.Context(), 10, func(ctx context.Context, _ []tasks.Change) error {
		_, err := other.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		return err
	})
	if n != 0 || err == nil {
		t.Fatalf("without its connection it relayed %d, %v", n, err)
	}
	if _, err := s.Add(t.Context(), "b", ""); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	var replica storetest.Replica
	if n, err := s.Relay(t.Context(), 10, apply(&replica)); n != 2 || err != nil {
		t.Errorf("relayed %d, %v", n, err)
	}
}

func TestNewerDatabase(t *testing.T) {
	for name, address := range databases {
		t.Run(name, func(t *testing.T) {
			where := address(t)
			s, err := sqlstore.Open(t.Context(), where, tasks.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			err = sqlstore.Pretend(t.Context(), s, 99)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := sqlstore.Open(t.Context(), where, tasks.Limits{}); err == nil || !strings.Contains(err.Error(), "newer version") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSQLiteFileIsForOneProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "todo.db")
	open(t, file, tasks.Limits{})
	_, err := sqlstore.Open(t.Context(), file, tasks.Limits{})
	if err == nil || err.Error() != "SQLite: another process uses "+file {
		t.Errorf("got %v", err)
	}
}

func TestWrongAddresses(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("This is no database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ address, want string }{
		{"mysql://root:s3cret@localhost/x", "a database at mysql://... is unknown here; it is postgres://USER@HOST/NAME, or the name of a file for SQLite"},
		{"postgres://ada:s3cret@local host/x", "PostgreSQL: "},
		{"postgres://ada:s3cret@localhost/x?sslmode=perhaps", "PostgreSQL: "},
		{"postgres://ada:s3cret@127.0.0.1:1/x", "PostgreSQL: "},
		{"postgres:///x?host=" + folder, "PostgreSQL: "},
		{text, "SQLite: " + text + " is no database"},
		{folder, "SQLite: " + folder + " cannot be opened or made; is its folder there, and may it be written to?"},
		{filepath.Join(folder, "missing", "todo.db"), "SQLite: " + folder + "/missing/todo.db cannot be opened or made; is its folder there, and may it be written to?"},
	} {
		_, err := sqlstore.Open(t.Context(), test.address, tasks.Limits{})
		switch {
		case err == nil:
			t.Errorf("%s was opened", test.address)
		case !strings.HasPrefix(err.Error(), test.want), strings.Contains(err.Error(), "s3cret"),
			strings.Contains(strings.TrimSuffix(err.Error(), "\n"), "\n"):
			t.Errorf("%s: %q", test.address, err)
		default:
			t.Log(err)
		}
	}
}
