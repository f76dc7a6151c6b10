package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/snorky-go/snorky/examples/internal/process"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/examples/todo/internal/pgtest"
)

var (
	// cluster is the PostgreSQL of all tests here; nil if the developer said that there is none.
	cluster *pgtest.Cluster
	// The programs as people run them.
	todo, snorkyd string
)

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "todo")
	if err == nil {
		todo, snorkyd = filepath.Join(folder, "todo"), filepath.Join(folder, "snorkyd")
		err = build(".", todo, ".")
	}
	if err == nil {
		err = build("../..", snorkyd, "./cmd/snorkyd")
	}
	if err == nil && pgtest.Wanted() {
		cluster, err = pgtest.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		_ = os.RemoveAll(folder)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(folder)
		if cluster != nil {
			if err := cluster.Stop(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				status = 1
			}
		}
		os.Exit(status)
	}))
}

func build(module, program, pkg string) error {
	if said, err := exec.Command("go", "build", "-C", module, "-o", program, pkg).CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, said)
	}
	return nil
}

// postgres is the address of an empty database.
func postgres(t *testing.T) string {
	t.Helper()
	if cluster == nil {
		t.Skip(pgtest.Without, " is set")
	}
	return cluster.Database(t)
}

// world is a snorkyd and a to-do list that know each other.
type world struct {
	t        *testing.T
	database string
	keyFile  string

	snorky            *process.Process
	frontend, backend string // its addresses, the same after a restart
	way               *way   // from the list to Snorky

	app  *process.Process
	page string // its address, the same after a restart
}

// newWorld starts both, with a list in a database.
func newWorld(t *testing.T, database string) *world {
	t.Helper()
	w := &world{
		t: t, database: database, keyFile: filepath.Join(t.TempDir(), "todo.key"),
		frontend: "127.0.0.1:0", backend: "127.0.0.1:0", page: "127.0.0.1:0",
	}
	if err := os.WriteFile(w.keyFile, []byte(rand.Text()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.startSnorky()
	w.way = newWay(t, w.backend)
	w.startApp()
	return w
}

func (w *world) startSnorky() {
	w.t.Helper()
	w.snorky = process.Start(w.t, process.Command{
		Program: snorkyd,
		// Pages may come from anywhere, since nobody knows yet at which port they will be.
		Arguments: []string{
			"-config", "snorkyd.toml", "-key-file", w.keyFile, "-frontend", w.frontend, "-backend", w.backend, "-allow-origin", "*", "-admin", "none",
		},
	})
	at := addresses(w.t, w.snorky)
	w.frontend, w.backend = at.Frontend, at.Backend
}

type doors struct{ Frontend, Backend string }

// addresses waits until a snorkyd has started, and returns where it is.
func addresses(t *testing.T, snorky *process.Process) (at doors) {
	t.Helper()
	if err := json.Unmarshal([]byte(snorky.Logged(`"started"`)), &at); err != nil {
		t.Fatal(err)
	}
	return at
}

func (w *world) startApp() {
	w.t.Helper()
	w.app = process.Start(w.t, process.Command{
		Program: todo,
		Arguments: []string{
			"-listen", w.page, "-database", w.database, "-key-file", w.keyFile,
			"-backend", w.way.address(), "-url", "ws://" + w.frontend + "/ws",
		},
	})
	w.page = strings.Trim(strings.TrimPrefix(w.app.Shown("http://"), "http://"), "/")
}

func (w *world) address() string { return "http://" + w.page + "/" }

// way is a proxy in front of Snorky's backend. It can be cut, as a network is.
type way struct {
	server *httptest.Server
	cut    atomic.Bool
}

func newWay(t *testing.T, backend string) *way {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: backend})
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	transport := new(http.Transport)
	proxy.Transport = transport
	v := new(way)
	v.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v.cut.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		v.server.Close()
		transport.CloseIdleConnections()
	})
	return v
}

func (v *way) address() string { return v.server.URL + "/backend" }

// attempt runs the program within the test, until it ends by itself.
func attempt(t *testing.T, environment map[string]string, arguments ...string) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), process.Patience)
	defer cancel()
	var shown, logged bytes.Buffer
	err = run(ctx, arguments, func(name string) string { return environment[name] }, &shown, &logged)
	if ctx.Err() != nil {
		t.Fatalf("it serves; it showed %q", shown.String())
	}
	return shown.String(), err
}
