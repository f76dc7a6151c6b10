package guide

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

const (
	// patience is how long a test waits for what must come.
	patience = 20 * time.Second
	key      = "correct-horse-battery-staple"
)

// programs is where the Go programs of the guide lie, built.
var programs string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "guide")
	if err == nil {
		programs = folder
		var said []byte
		if said, err = exec.Command("go", "build", "-o", folder, "./...").CombinedOutput(); err != nil {
			err = fmt.Errorf("go build: %w\n%s", err, said)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// net/http lets a refused client read the refusal for half a second, in a goroutine that nobody can wait for.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"), goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(folder)
		os.Exit(status)
	}))
}

// server is a running program of one of the first three steps.
type server struct {
	t       *testing.T
	process *exec.Cmd
	ws, url string // of the frontend and the backend
	logged  chan string
}

// start runs a server on free ports of this machine until the end of the test, when it has to go in peace.
func start(t *testing.T, program string, environment []string, arguments ...string) *server {
	t.Helper()
	arguments = append([]string{"-frontend", "127.0.0.1:0", "-backend", "127.0.0.1:0"}, arguments...)
	s := &server{t: t, logged: make(chan string, 1000)}
	s.process = exec.Command(filepath.Join(programs, program), arguments...)
	s.process.Env = append(os.Environ(), environment...)
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := s.process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	shown := make(chan string, 1000)
	var readers sync.WaitGroup
	readers.Go(func() { lines(stdout, shown) })
	readers.Go(func() { lines(stderr, s.logged) })
	t.Cleanup(func() {
		_ = s.process.Process.Signal(syscall.SIGTERM)
		readers.Wait()
		if err := s.process.Wait(); err != nil {
			t.Errorf("%s ended: %v", program, err)
		}
	})
	for _, address := range []*string{&s.ws, &s.url} {
		_, *address, _ = strings.Cut(s.wait(shown, ""), " ")
	}
	return s
}

func lines(r io.Reader, to chan<- string) {
	defer close(to)
	for scanner := bufio.NewScanner(r); scanner.Scan(); {
		to <- scanner.Text()
	}
}

// wait returns the next line with that text in it.
func (s *server) wait(lines <-chan string, text string) string {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line, more := <-lines:
			if !more {
				s.t.Fatalf("the server ended without saying %q; its log: %q", text, drain(s.logged))
			}
			if strings.Contains(line, text) {
				return line
			}
		case <-deadline:
			s.t.Fatalf("the server did not say %q", text)
		}
	}
}

func drain(lines <-chan string) (all []string) {
	for line := range lines {
		all = append(all, line)
	}
	return all
}

// environment is what the programs of the later steps read.
func (s *server) environment(key string) []string {
	return []string{"BACKEND_URL=" + s.url, "BACKEND_KEY=" + key}
}

// listener is a browser, as far as a PubSub can tell.
type listener struct {
	t    *testing.T
	conn *websocket.Conn
}

// listen connects to the frontend and subscribes to the channel of the guide.
func (s *server) listen() *listener {
	s.t.Helper()
	conn, _, err := websocket.DefaultDialer.DialContext(s.t.Context(), s.ws, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	l := &listener{s.t, conn}
	l.send(`{"command":"subscribe","params":{"channel":"timetable"}}`)
	if got := l.next(); got["type"] != "response" {
		s.t.Fatalf("subscribing: %v", got)
	}
	return l
}

func (l *listener) send(request string) {
	l.t.Helper()
	packet := `{"service":"pubsub","message":` + request + `}`
	if err := l.conn.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
		l.t.Fatal(err)
	}
}

// next returns the content of the next packet.
func (l *listener) next() map[string]any {
	l.t.Helper()
	_ = l.conn.SetReadDeadline(time.Now().Add(patience))
	var packet struct{ Message map[string]any }
	if err := l.conn.ReadJSON(&packet); err != nil {
		l.t.Fatal(err)
	}
	return packet.Message
}

// outcome is what a program said and the status it ended with.
type outcome struct {
	said   string
	status int
}

// execute runs a program to its end.
func execute(t *testing.T, environment []string, name string, arguments ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, name, arguments...)
	command.Env = append(os.Environ(), environment...)
	said, err := command.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatalf("%s: %v", name, err)
	}
	return outcome{string(said), command.ProcessState.ExitCode()}
}

func writeKeys(t *testing.T, file string, keys ...string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.Join(keys, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func keyFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backend.key")
	writeKeys(t, file, key)
	return file
}

func toJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
