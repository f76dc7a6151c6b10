package guide

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const publication = `{"service":"pubsub_backend","message":` +
	`{"command":"publish","params":{"channel":"timetable","message":"on time"}}}`

// post makes a backend call by hand; an empty key is none.
func post(t *testing.T, url, key string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(publication))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("X-Backend-Key", key)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport, Timeout: patience}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode
}

func TestOnlyTheBackendPublishes(t *testing.T) {
	s := start(t, "1-private", []string{"BACKEND_KEY=" + key})
	browser := s.listen()

	browser.send(`{"command":"publish","params":{"channel":"timetable","message":"hacked"}}`)
	if got := browser.next(); got["type"] != "error" || got["message"] != "Not authorized" {
		t.Errorf("a browser published: %v", got)
	}
	if status := post(t, s.url, key); status != http.StatusOK {
		t.Errorf("the backend got status %d", status)
	}
	if got := browser.next(); got["type"] != "message" || got["message"] != "on time" || got["channel"] != "timetable" {
		t.Errorf("the browser got %v", got)
	}
}

func TestEachDoorHasItsPort(t *testing.T) {
	s := start(t, "1-private", []string{"BACKEND_KEY=" + key})
	front, back := host(t, s.ws), host(t, s.url)
	if front == back {
		t.Fatalf("both doors are at %s", front)
	}
	if status := post(t, "http://"+front+"/backend", key); status != http.StatusNotFound {
		t.Errorf("the backend's path on the frontend's port: status %d", status)
	}
	_, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+back+"/ws", nil)
	if err == nil || response.StatusCode != http.StatusNotFound {
		t.Errorf("the frontend's path on the backend's port: %v, %v", response, err)
	}
}

func host(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func TestWithoutTheKeyNothing(t *testing.T) {
	s := start(t, "1-private", []string{"BACKEND_KEY=" + key})
	for _, wrong := range []string{"", "x", key + "x", strings.ToUpper(key)} {
		if status := post(t, s.url, wrong); status != http.StatusUnauthorized {
			t.Errorf("key %q: status %d", wrong, status)
		}
	}
	// Nobody should run with an empty key by accident.
	got := execute(t, []string{"BACKEND_KEY="}, filepath.Join(programs, "1-private"))
	if got.status == 0 || !strings.Contains(got.said, "key") {
		t.Errorf("a server without a key: %+v", got)
	}
}

func TestKeyIsRotated(t *testing.T) {
	const next = "another-horse-another-staple"
	file := keyFile(t)
	s := start(t, "2-key", nil, "-key-file", file)
	expect := func(key string, status int) {
		t.Helper()
		if got := post(t, s.url, key); got != status {
			t.Errorf("key %q: status %d, want %d", key, got, status)
		}
	}
	reread := func(says string) {
		t.Helper()
		if err := s.process.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.wait(s.logged, says)
	}
	expect(key, http.StatusOK)
	expect(next, http.StatusUnauthorized)

	writeKeys(t, file, key, next)
	reread("valid keys: 2")
	expect(key, http.StatusOK)
	expect(next, http.StatusOK)

	writeKeys(t, file, next)
	reread("valid keys: 1")
	expect(key, http.StatusUnauthorized)
	expect(next, http.StatusOK)

	writeKeys(t, file, "")
	reread("nothing changed")
	expect(next, http.StatusOK)
}

func TestKeyFileIsPrivate(t *testing.T) {
	file := keyFile(t)
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	got := execute(t, nil, filepath.Join(programs, "2-key"), "-key-file", file)
	if got.status == 0 || !strings.Contains(got.said, "chmod 600") || strings.Contains(got.said, key) {
		t.Errorf("a key that everybody can read: %+v", got)
	}
}

func TestBackendIsLocal(t *testing.T) {
	for _, open := range []string{":5801", "0.0.0.0:5801", "[::]:5801", "192.0.2.1:5801", "example.com:5801", "5801"} {
		got := execute(t, nil, filepath.Join(programs, "3-local"), "-backend", open, "-key-file", keyFile(t))
		if got.status == 0 || !strings.Contains(got.said, "127.0.0.1") {
			t.Errorf("-backend %s: %+v", open, got)
		}
	}
	s := start(t, "3-local", nil, "-key-file", keyFile(t))
	if status := post(t, s.url, key); status != http.StatusOK {
		t.Errorf("from this machine: status %d", status)
	}
	_, port, err := net.SplitHostPort(host(t, s.url))
	if err != nil {
		t.Fatal(err)
	}
	dialer := net.Dialer{Timeout: time.Second}
	for _, address := range outsideAddresses(t) {
		conn, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort(address, port))
		if err == nil {
			_ = conn.Close()
			t.Errorf("the backend's door can be reached at %s", address)
		}
	}
}

// outsideAddresses are those at which other machines reach this one.
func outsideAddresses(t *testing.T) (all []string) {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
			all = append(all, network.IP.String())
		}
	}
	return all
}
