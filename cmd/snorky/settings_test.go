package main

import (
	"strings"
	"testing"
	"time"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	front := func(s string) (string, error) { return (&connecting{url: s}).frontAddress() }
	back := func(s string) (string, error) { return (&connecting{backend: s}).backAddress() }
	for _, c := range []struct {
		name    string
		of      func(string) (string, error)
		text    string
		want    string
		problem string
	}{
		{"front: nothing", front, "", "ws://127.0.0.1:5800/ws", ""},
		{"front: host and port", front, "example.com:5800", "ws://example.com:5800/ws", ""},
		{"front: as the server's setting", front, ":5900", "ws://127.0.0.1:5900/ws", ""},
		{"front: IPv6", front, "[::1]:5800", "ws://[::1]:5800/ws", ""},
		{"front: whole", front, "wss://example.com/live?x=1", "wss://example.com/live?x=1", ""},
		{"front: the root is a path", front, "ws://example.com/", "ws://example.com/", ""},
		{"front: as a page's address", front, "https://example.com", "wss://example.com/ws", ""},
		{"front: http", front, "http://example.com/ws", "ws://example.com/ws", ""},
		{"front: another scheme", front, "ftp://example.com", "", "its scheme is ftp"},
		{"front: no host", front, "ws:///ws", "", "no host"},
		{"front: fragment", front, "ws://h/ws#x", "", "fragment"},
		{"front: no URL", front, "ws://h:port/secret", "", "no URL"},
		{"front: password", front, "ws://me:secret@h/ws", "", "password"},
		{"back: nothing", back, "", "http://127.0.0.1:5801/backend", ""},
		{"back: as the server's setting", back, "127.0.0.1:5901", "http://127.0.0.1:5901/backend", ""},
		{"back: as a server for everybody has it", back, "0.0.0.0:5901", "http://0.0.0.0:5901/backend", ""},
		{"back: whole", back, "https://me:secret@example.com/b", "https://me:secret@example.com/b", ""},
		{"back: the front's", back, "ws://127.0.0.1:5800/ws", "", "its scheme is ws"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := c.of(c.text)
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if (err == nil) != (c.problem == "") {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				f := asFailure(err)
				contains(t, f.what, c.problem)
				if strings.Contains(f.what+f.hint, "secret") {
					t.Errorf("shows a password: %s %s", f.what, f.hint)
				}
			}
		})
	}
}

func TestPasswordsInAddressesAreNotShown(t *testing.T) {
	t.Parallel()
	if got := shown("http://me:secret@h/"); strings.Contains(got, "secret") {
		t.Error(got)
	}
	if got := shown("http://me:secret@h:x/"); strings.Contains(got, "secret") {
		t.Error(got)
	}
	status, _, stderr := snorky(t, "", "publish", "--key-file", keyFile(t, testKey), "--backend", "http://me:secret@127.0.0.1:1/", "c", "1")
	if status != int(exitUnreachable) || strings.Contains(stderr, "secret") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

func TestFlagsWinOverTheEnvironment(t *testing.T) {
	t.Setenv(envURL, ":1")
	t.Setenv(envBackend, ":2")
	for _, c := range []struct {
		settings    connecting
		front, back string
	}{
		{connecting{}, "ws://127.0.0.1:1/ws", "http://127.0.0.1:2/backend"},
		{connecting{url: ":3", backend: ":4"}, "ws://127.0.0.1:3/ws", "http://127.0.0.1:4/backend"},
	} {
		front, err1 := c.settings.frontAddress()
		back, err2 := c.settings.backAddress()
		if front != c.front || back != c.back || err1 != nil || err2 != nil {
			t.Errorf("got %s and %s, want %s and %s (%v, %v)", front, back, c.front, c.back, err1, err2)
		}
	}
	t.Setenv(envURL, "ftp://x")
	if _, err := new(connecting).frontAddress(); err == nil || !strings.Contains(err.Error(), envURL) {
		t.Errorf("%v does not name the variable", err)
	}
}

// The variable is snorkyd's, too: what that takes is understood here, or said to lead nowhere.
func TestAdminAddressOfTheServer(t *testing.T) {
	for value, want := range map[string]string{":7802": "http://127.0.0.1:7802/top", "http://h:1": "http://h:1/top", "none": "no admin address"} {
		t.Setenv(envAdmin, value)
		look := top{interval: time.Second, timeout: time.Second}
		got := ""
		if err := look.check(""); err != nil {
			got = asFailure(err).what
		} else {
			got = look.address
		}
		contains(t, got, want)
	}
}
