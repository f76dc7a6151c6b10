package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

// A configuration with anything wrong in it changes nothing, not even what is right in it, and says why in one line.
func TestSIGHUPWithABadConfiguration(t *testing.T) {
	t.Parallel()
	key := keyFile(t, testKey)
	good := fmt.Sprintf("key-file = %q\nmax-connections = 1\n", key)
	weak, open := keyFile(t, "short"), keyFile(t, "hunter2-hunter2-hunter2")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	s := subjectOf(t, good)
	held := s.client("")
	changed := strings.Replace(good, "= 1", "= 100", 1)
	for name, c := range map[string]struct{ text, reason string }{
		"half written":     {changed + "max-subscriptions = \n", "line 3"},
		"cut in a text":    {changed + "allow-origin = \"https://exa", "line 3"},
		"wrong value":      {changed + "read-limit = \"much\"\n", "read-limit"},
		"unknown setting":  {changed + "max-conections = 7\n", "did you mean max-connections?"},
		"contradiction":    {changed + "ping-interval = \"70s\"\n", "pong-timeout"},
		"wrong origin":     {changed + "allow-origin = \"example\"\n", "is not an origin"},
		"wrong rule":       {changed + "[[pubsub]]\nname = \"pubsub\"\nsubscribe = \"evrybody\"\n", "did you mean everybody?"},
		"no key file":      {strings.Replace(changed, key, key+"-gone", 1), "no such file"},
		"weak key":         {strings.Replace(changed, key, weak, 1), "shorter than 16 bytes"},
		"key for everyone": {strings.Replace(changed, key, open, 1), "others may access it"},
		"no token keys":    {changed + "token-jwks-file = \"/nowhere\"\n", "token-jwks-file"},
		"broken PEM":       {changed + fmt.Sprintf("token-key-file = %q\n", key), "token-key-file"},
		"weak secret":      {changed + fmt.Sprintf("token-secret-file = %q\n", weak), "token-secret-file"},
	} {
		lines := strings.Count(s.trialRun.log.String(), "\n")
		s.write(c.text)
		s.signals <- syscall.SIGHUP
		trial.Eventually(t, name+": a line", func() bool { return strings.Count(s.trialRun.log.String(), "\n") > lines })
		all := strings.Split(strings.TrimSpace(s.trialRun.log.String()), "\n")
		last := all[len(all)-1]
		if len(all) != lines+1 || !strings.Contains(last, `"level":"error"`) || !strings.Contains(last, c.reason) {
			t.Errorf("%s: %q", name, all[lines:])
		}
		for _, secret := range []string{testKey, "hunter2", "short\n"} {
			if strings.Contains(last, secret) {
				t.Errorf("%s: the log shows a key: %s", name, last)
			}
		}
		if got := s.status(""); got != "503" {
			t.Errorf("%s: another client gets %s", name, got)
		}
	}
	if got := said(held.Call("pubsub", "subscribe", `{"channel":"c"}`)); got != "yes" {
		t.Error(got)
	}
}
