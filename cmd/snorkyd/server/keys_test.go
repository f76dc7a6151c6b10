package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

const (
	oldKey = "the-old-key-0123456789"
	newKey = "the-new-key-0123456789"
)

func keyFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	writeKey(t, file, text)
	return file
}

func writeKey(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// opens tells whether the backend takes a key.
func opens(t *testing.T, s *server.Server, key string) bool {
	t.Helper()
	err := trial.Publisher(t, s.BackendAddr(), key).Publish(t.Context(), "pubsub_backend", "c", 1)
	if refused, is := errors.AsType[*client.StatusError](err); is && refused.Status == http.StatusUnauthorized {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.KeyFile = keyFile(t, oldKey+"\r\n")
	s := boot(t, cfg)
	if s.KeySource() != server.KeyFromFile || s.Key() != oldKey {
		t.Errorf("key %q from %s", s.Key(), s.KeySource())
	}
	state := func(when string, wantOld, wantNew bool) {
		t.Helper()
		if gotOld, gotNew := opens(t, s, oldKey), opens(t, s, newKey); gotOld != wantOld || gotNew != wantNew {
			t.Errorf("%s: old %v, new %v", when, gotOld, gotNew)
		}
	}
	state("at the start", true, false)

	writeKey(t, cfg.KeyFile, newKey+"\n"+oldKey)
	if got, err := s.Reload(cfg); got.Keys != 2 || err != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	state("both", true, true)

	writeKey(t, cfg.KeyFile, "too-short")
	if _, err := s.Reload(cfg); !config.IsError(err) || strings.Contains(err.Error(), "too-short") {
		t.Errorf("got %v", err)
	}
	state("after a bad file", true, true)

	writeKey(t, cfg.KeyFile, newKey)
	if got, err := s.Reload(cfg); got.Keys != 1 || err != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	state("at the end", false, true)
	if s.Key() != newKey {
		t.Errorf("Key is %q", s.Key())
	}
}

func TestKeyOfTheProgram(t *testing.T) {
	t.Parallel()
	s := boot(t, local(), server.WithKey("swordfish", "plaice"))
	if s.KeySource() != server.KeyFromProgram || !opens(t, s, "swordfish") || !opens(t, s, "plaice") {
		t.Error("a key of the program does not open")
	}
	if got, err := s.Reload(s.Config()); got.Keys != 0 || err != nil {
		t.Errorf("without a key file: %+v, %v", got, err)
	}
	if !opens(t, s, "swordfish") || !opens(t, s, "plaice") {
		t.Error("a key of the program is gone")
	}
}

func TestRandomKeysDiffer(t *testing.T) {
	t.Parallel()
	one, two := boot(t, local()), boot(t, local())
	if one.KeySource() != server.KeyRandom || one.Key() == two.Key() || len(one.Key()) < 20 {
		t.Errorf("keys %q and %q", one.Key(), two.Key())
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	both := local()
	both.KeyFile = keyFile(t, oldKey)
	if _, err := server.New(both, server.WithKey(newKey)); !config.IsError(err) {
		t.Errorf("two sources: %v", err)
	}
	if _, err := server.New(local(), server.WithKey("secret\n")); !config.IsError(err) || strings.Contains(err.Error(), "secret") {
		t.Errorf("a key that no header holds: %v", err)
	}
}

var curlLine = regexp.MustCompile(`^curl (http://\S+) -H '(X-Backend-Key): ([^']+)' -d '(.*)'$`)

func TestCurlLineWorks(t *testing.T) {
	t.Parallel()
	quoted := local()
	quoted.PubSub = []config.PubSub{{Name: "it's", Publish: config.Nobody, Backend: `it's "quoted"`}}
	everywhere := local()
	everywhere.Backend = ":0"
	for service, cfg := range map[string]server.Config{"announcements": everywhere, "it's": quoted} {
		s := boot(t, cfg)
		part := curlLine.FindStringSubmatch(s.Curl())
		if part == nil || !strings.HasPrefix(part[1], "http://127.0.0.1:") {
			t.Fatalf("not a line for curl: %s", s.Curl())
		}
		subscriber := trial.Subscribe(t, s.Addr(), service, "news")
		body := strings.ReplaceAll(part[4], `'\''`, `'`) // what a shell makes of it
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, part[1], strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(part[2], part[3])
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var answer bytes.Buffer
		_, _ = answer.ReadFrom(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || !json.Valid(answer.Bytes()) {
			t.Errorf("%d %s", response.StatusCode, answer.String())
		}
		if got, _ := subscriber.Next(); string(got.Message) != `"Hello!"` {
			t.Errorf("got %+v", got)
		}
	}
	none := local()
	none.PubSub = nil
	if line := boot(t, none).Curl(); line != "" {
		t.Errorf("without services: %s", line)
	}
}
