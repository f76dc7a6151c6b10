// Package pgtest runs a real PostgreSQL for tests: a cluster of its own in a folder that does not last, which can be
// reached by a Unix socket only.
package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
)

// Without is the variable of the environment by which developers who have no PostgreSQL leave its tests out.
const Without = "WITHOUT_POSTGRES"

// patience is how long a server may take to start or to stop.
const patience = 60 * time.Second

// Cluster is a running server.
type Cluster struct {
	folder  string
	server  *exec.Cmd
	log     *os.File
	names   int
	stopped bool
}

// Wanted tells whether the tests with a PostgreSQL are to be run.
func Wanted() bool { return os.Getenv(Without) == "" }

// Start makes a cluster and waits until it takes connections. Whoever starts it has to stop it.
func Start() (*Cluster, error) {
	programs, err := find()
	if err != nil {
		return nil, err
	}
	// The name is short because the path of a socket has to be. The server shall not lie in /root, which its user cannot
	// enter.
	folder, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	c := &Cluster{folder: folder}
	if err := c.start(programs); err != nil {
		return nil, errors.Join(fmt.Errorf("starting PostgreSQL: %w", err), c.Stop())
	}
	return c, nil
}

// find returns the folder of the server's programs: the newest of Debian's, or the one that is on the PATH.
func find() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	for _, initdb := range found {
		if _, err := os.Stat(filepath.Join(filepath.Dir(initdb), "postgres")); err == nil {
			return filepath.Dir(initdb), nil
		}
	}
	return "", errors.New("there is no PostgreSQL: \"apt-get install postgresql\" or \"brew install postgresql\" gets one, and " +
		Without + "=1 leaves out its tests")
}

func version(initdb string) int {
	n, _ := strconv.Atoi(strings.Split(initdb, "/")[4]) // 0 if it is something else
	return n
}

func (c *Cluster) start(programs string) error {
	owner, err := c.giveAway()
	if err != nil {
		return err
	}
	data := filepath.Join(c.folder, "data")
	ctx := context.Background() // Stop ends what takes too long
	//nolint:gosec // the folder is where the system has its PostgreSQL
	initdb := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), "--pgdata", data, "--username", "postgres",
		"--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = owner, c.folder
	if said, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, said)
	}
	//nolint:gosec // as above
	c.server = exec.CommandContext(ctx, filepath.Join(programs, "postgres"), "-D", data, "-k", c.folder, "-c", "listen_addresses=",
		"-c", "fsync=off", "-c", "max_connections=200")
	c.server.SysProcAttr, c.server.Dir = owner, c.folder
	if c.log, err = os.Create(filepath.Join(c.folder, "log")); err != nil {
		return err
	}
	c.server.Stdout, c.server.Stderr = c.log, c.log
	if err := c.server.Start(); err != nil {
		c.server = nil
		return err
	}
	return c.wait()
}

// giveAway gives the folder to somebody else if we are root, as whom a PostgreSQL refuses to run.
func (c *Cluster) giveAway() (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("root may not run it, and somebody else is not here: %w", err)
	}
	uid, err := strconv.ParseUint(owner.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(owner.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	if err := os.Chown(c.folder, int(uid), int(gid)); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// wait returns when the server takes connections.
func (c *Cluster) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := sql.Open("pgx", c.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}

// URL is the address of a database in the cluster.
func (c *Cluster) URL(database string) string {
	return "postgres://postgres@/" + database + "?" + url.Values{"host": {c.folder}}.Encode()
}

// Database makes an empty database for a test and returns its address. It is dropped at the end of the test.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	c.names++
	name := "test" + strconv.Itoa(c.names)
	c.execute(t, "CREATE DATABASE "+name)
	t.Cleanup(func() { c.execute(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	return c.URL(name)
}

func (c *Cluster) execute(t testing.TB, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := sql.Open("pgx", c.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Stop ends the server and removes the cluster. The error has the log in it if something went wrong.
func (c *Cluster) Stop() error {
	var err error
	if c.server != nil && !c.stopped {
		c.stopped = true
		err = c.server.Process.Signal(syscall.SIGINT) // a fast shutdown: it waits for nobody
		lazy := time.AfterFunc(patience, func() { _ = c.server.Process.Kill() })
		defer lazy.Stop()
		if err = errors.Join(err, c.server.Wait(), c.log.Close()); err != nil {
			said, _ := os.ReadFile(c.log.Name())
			err = fmt.Errorf("%w; the log of PostgreSQL:\n%s", err, said)
		}
	}
	return errors.Join(err, os.RemoveAll(c.folder))
}
