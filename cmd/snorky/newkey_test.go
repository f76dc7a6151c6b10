package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

func TestNewKey(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 20 {
		status, stdout, stderr := snorky(t, "", "key")
		if status != 0 || stderr != "" || seen[stdout] || strings.Count(stdout, "\n") != 1 {
			t.Fatalf("status %d, %q, %q", status, stdout, stderr)
		}
		seen[stdout] = true
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(stdout), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.ReadKeyFile(file); err != nil {
			t.Errorf("the server refuses %q: %v", stdout, err)
		}
	}
	_, stdout, _ := snorky(t, "", "key", "--json")
	var line keyLine
	if err := json.Unmarshal([]byte(stdout), &line); err != nil || len(line.Key) < 16 {
		t.Errorf("%q: %v", stdout, err)
	}
}
