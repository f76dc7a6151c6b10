package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/snorky-go/snorky/backendapi/client"
)

func writeKey(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "todo.key")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSettings(t *testing.T) {
	file := writeKey(t, "the-first-of-two-keys\nthe-second\n")
	for _, test := range []struct {
		name        string
		environment map[string]string
		arguments   []string
		want        settings
	}{
		{
			"none but the key",
			map[string]string{"SNORKY_KEY": "from-the-environment"},
			nil,
			settings{"localhost:8080", "todo.db", "http://127.0.0.1:5801/backend", "from-the-environment", "ws://localhost:5800/ws"},
		},
		{
			"the environment",
			map[string]string{
				"SNORKY_KEY_FILE": file, "TODO_LISTEN": ":1", "DATABASE_URL": "postgres://db/x",
				"SNORKY_BACKEND": "snorky:2", "SNORKY_URL": "wss://live.example.com/ws",
			},
			nil,
			settings{":1", "postgres://db/x", "http://snorky:2/backend", "the-first-of-two-keys", "wss://live.example.com/ws"},
		},
		{
			"flags win",
			map[string]string{
				"SNORKY_KEY": "from-the-environment", "TODO_LISTEN": ":1", "DATABASE_URL": "postgres://db/x",
				"SNORKY_BACKEND": "snorky:2", "SNORKY_URL": "wss://live.example.com/ws",
			},
			[]string{"-key-file", file, "-listen", ":3", "-database", "x.db", "-backend", "https://b/c", "-url", "ws://d/ws"},
			settings{":3", "x.db", "https://b/c", "the-first-of-two-keys", "ws://d/ws"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := readSettings(test.arguments, func(name string) string { return test.environment[name] }, nil)
			if err != nil || *got != test.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	said, err := attempt(t, nil, "-help")
	if err != nil || !strings.Contains(said, "DATABASE_URL") || !strings.Contains(said, "-key-file") {
		t.Errorf("%v: %s", err, said)
	}
}

// What is wrong is said in one line, without what is secret.
func TestWrongStarts(t *testing.T) {
	key := writeKey(t, "correct-horse-battery-staple")
	database := filepath.Join(t.TempDir(), "todo.db")
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	for _, test := range []struct {
		name      string
		arguments []string
		want      string
	}{
		{"no key", nil, "it takes the key of Snorky's backend"},
		{"no such key", []string{"-key-file", database}, "no such file"},
		{"an empty key", []string{"-key-file", writeKey(t, "\n\n")}, "is empty"},
		{"a key that is none", []string{"-key-file", writeKey(t, "correct\x01horse")}, "control characters"},
		{"an unknown flag", []string{"-colour", "red"}, "-colour"},
		{"a word", []string{"serve"}, `"serve" is no flag`},
		{"no WebSocket", []string{"-key-file", key, "-url", "http://localhost:5800/ws"}, "ws://localhost:5800/ws"},
		{"no backend", []string{"-key-file", key, "-backend", "ftp://localhost"}, "http://127.0.0.1:5801/backend"},
		{"another database", []string{"-key-file", key, "-database", "mysql://ada:s3cret@db/x"}, "mysql://... is unknown"},
		{"a database out of reach", []string{"-key-file", key, "-database", "postgres://ada:s3cret@127.0.0.1:1/x"}, "connection refused"},
		{"a taken address", []string{"-key-file", key, "-database", database, "-listen", strings.TrimPrefix(taken.URL, "http://")}, "address already in use"},
	} {
		t.Run(test.name, func(t *testing.T) {
			said, err := attempt(t, nil, test.arguments...)
			if err == nil || !strings.Contains(err.Error(), test.want) || said != "" {
				t.Fatalf("%v, and it showed %q", err, said)
			}
			for _, never := range []string{"\n", "s3cret", "horse"} {
				if strings.Contains(err.Error(), never) {
					t.Errorf("%q has %q in it", err, never)
				}
			}
		})
	}
}

// What Snorky lacks is said at the start, with what to do about it.
func TestAdvice(t *testing.T) {
	for _, test := range []struct {
		status     int
		body, want string
	}{
		{401, "", "does not accept the key"},
		{404, "", "has no service datasync_backend"},
		{200, `{"message":{"type":"error","message":"No such dealer"}}`, "lacks a dealer"},
		{200, `{"message":{"type":"response","data":"token"}}`, "Snorky is there"},
		{502, "", "cannot be reached"},
	} {
		snorky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			_, _ = w.Write([]byte(test.body))
		}))
		c, err := client.New(snorky.URL, "correct-horse-battery-staple")
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		examine(t.Context(), c, snorky.URL, zerolog.New(&log))
		if !strings.Contains(log.String(), test.want) || strings.Contains(log.String(), "horse") {
			t.Errorf("%d: %s", test.status, log.String())
		}
		c.Close()
		snorky.Close()
	}
}
