package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
)

// settings are the flags and the environment. A flag wins.
type settings struct {
	listen   string // where pages are served, host:port
	database string // an address of PostgreSQL, or a file
	backend  string // the address of Snorky's backend
	key      string // of that
	socket   string // the address of Snorky's WebSocket, as browsers see it
}

// usageError says that the program was not started as it has to be.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

const usage = `A to-do list that many people share, each of whom sees at once what the others do.

  todo [flags]

`

// readSettings returns nil if only help was wanted.
func readSettings(arguments []string, getenv func(string) string, stdout io.Writer) (*settings, error) {
	s := new(settings)
	var keyFile string
	set := flag.NewFlagSet("todo", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&s.listen, "listen", "", "`address` of the page; also TODO_LISTEN (default localhost:8080)")
	set.StringVar(&s.database, "database", "", "postgres://USER@HOST/NAME, or a `file` for SQLite; also DATABASE_URL (default todo.db)")
	set.StringVar(&s.backend, "backend", "", "`address` of Snorky's backend; also SNORKY_BACKEND (default http://127.0.0.1:5801/backend)")
	set.StringVar(&s.socket, "url", "", "`address` of Snorky's WebSocket, as browsers see it; also SNORKY_URL (default ws://localhost:5800/ws)")
	set.StringVar(&keyFile, "key-file", "", "`file` with the backend's key; also SNORKY_KEY_FILE, or the key itself in SNORKY_KEY")
	switch err := set.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		set.SetOutput(stdout)
		set.PrintDefaults()
		return nil, nil
	case err != nil:
		return nil, usageError{err}
	case set.NArg() > 0:
		return nil, usageError{fmt.Errorf("%q is no flag; todo -help shows those there are", set.Arg(0))}
	}
	s.listen = cmp.Or(s.listen, getenv("TODO_LISTEN"), "localhost:8080")
	s.database = cmp.Or(s.database, getenv("DATABASE_URL"), "todo.db")
	s.backend = cmp.Or(s.backend, getenv("SNORKY_BACKEND"), "127.0.0.1:5801")
	s.socket = cmp.Or(s.socket, getenv("SNORKY_URL"), "ws://localhost:5800/ws")
	if !strings.Contains(s.backend, "://") { // as snorkyd itself has it
		s.backend = "http://" + s.backend + "/backend"
	}
	if at, err := url.Parse(s.socket); err != nil || at.Scheme != "ws" && at.Scheme != "wss" || at.Host == "" || at.User != nil {
		return nil, usageError{errors.New("the address of the WebSocket has to look like ws://localhost:5800/ws")}
	}
	if s.key = getenv("SNORKY_KEY"); s.key != "" && keyFile == "" {
		return s, nil
	}
	var err error
	s.key, err = readKey(cmp.Or(keyFile, getenv("SNORKY_KEY_FILE")))
	return s, err
}

// readKey returns the first line of a file. During a rotation there are two, and each is good.
func readKey(file string) (string, error) {
	if file == "" {
		return "", usageError{errors.New("it takes the key of Snorky's backend: -key-file FILE, or SNORKY_KEY_FILE, or the key itself in SNORKY_KEY")}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", usageError{fmt.Errorf("the key: %w", err)}
	}
	key, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if key = strings.TrimSpace(key); key == "" {
		return "", usageError{fmt.Errorf("the key: %s is empty", file)}
	}
	return key, nil
}
