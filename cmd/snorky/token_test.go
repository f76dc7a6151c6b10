package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

const tokenSecret = "a secret that is long enough for the hash it is used with"

// token is one of HS256 for ann.
func token(left time.Duration) string {
	claims := fmt.Sprintf(`{"sub":"ann","exp":%d}`, time.Now().Add(left).Unix())
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte(tokenSecret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func wantsTokens(t *testing.T) func(*server.Config) {
	t.Helper()
	secret := keyFile(t, tokenSecret)
	return func(cfg *server.Config) {
		cfg.TokenSecretFile, cfg.RequireIdentity = secret, true
		cfg.TokenAlgorithms, cfg.TokenSources = []string{"HS256"}, []string{"header"}
		cfg.PubSub[0].Publish = "authenticated"
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := boot(t, wantsTokens(t))
	for _, c := range []struct {
		name, text string
		status     int
		says       string
	}{
		{"a good one", token(time.Hour) + "\n", 0, ""},
		{"one that has expired", token(-time.Hour), int(exitRefused), "401"},
		{"none in the file", "\n", int(exitKey), "has no token in it"},
		{"several words", "a b", int(exitKey), "visible ASCII"},
		{"no file", "", int(exitKey), "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "token")
			if c.text != "" {
				if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, args := range [][]string{
				{"call", "--url", s.Addr(), "--token-file", file, "pubsub", "publish", `{"channel":"c","message":1}`},
				{"publish", "--via", "frontend", "--url", s.Addr(), "--token-file", file, "--service", "pubsub", "c", "1"},
			} {
				status, _, stderr := snorky(t, "", args...)
				if status != c.status || !strings.Contains(stderr, c.says) || strings.Contains(stderr, "eyJ") {
					t.Errorf("%s: status %d, not %d: %s", args[0], status, c.status, stderr)
				}
			}
		})
	}
	if status, _, stderr := snorky(t, "", "call", "--url", s.Addr(), "pubsub", "publish", `{"channel":"c","message":1}`); status != int(exitRefused) ||
		!strings.Contains(stderr, "--token-file") {
		t.Errorf("without a token: status %d: %s", status, stderr)
	}
}

// A token in the address is nobody's business.
func TestAddressesAreShownWithoutTokens(t *testing.T) {
	t.Parallel()
	if got := shown("ws://ann:swordfish@host/ws?access_token=shark"); strings.Contains(got, "fish") || strings.Contains(got, "shark") {
		t.Error(got)
	}
}
