package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCovercheck(t *testing.T) {
	const m = "github.com/snorky-go/snorky/"
	for _, tt := range []struct {
		name, profile string
		status        int
		says          string
	}{
		{
			"enough", "mode: atomic\n" +
				m + "actors/a.go:1.1,2.2 17 3\n" + m + "actors/b.go:1.1,2.2 3 0\n" + m + "cmd/c.go:1.1,2.2 3 0\n",
			0, ".  85.0%     20 statements  actors\n",
		},
		{
			"one too little", "mode: atomic\n" + m + "actors/a.go:1.1,2.2 84 1\n" + m + "actors/a.go:3.1,4.2 16 0\n",
			1, "!  84.0%    100 statements  actors\n",
		},
		{
			"a package below the folder", "mode: atomic\n" + m + "actors/a.go:1.1,2.2 99 1\n" + m + "actors/wire/a.go:3.1,4.2 1 0\n",
			1, "!   0.0%      1 statements  actors/wire\n",
		},
		{
			"a folder of a like name does not count", "mode: atomic\n" + m + "actorsandmore/a.go:1.1,2.2 99 1\n",
			1, "! nothing was measured in actors\n",
		},
		{
			"a block of two binaries counts once", "mode: atomic\n" +
				m + "actors/a.go:1.1,2.2 9 0\n" + m + "actors/a.go:1.1,2.2 9 1\n" + m + "actors/a.go:5.1,6.2 1 1\n",
			0, ". 100.0%     10 statements  actors\n",
		},
		{"no profile", "hello\n", 2, "no line of a coverage profile"},
		{"not a number", m + "actors/a.go:1.1,2.2 9 many\n", 2, "many"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "profile")
			if err := os.WriteFile(file, []byte(tt.profile), 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if status := run([]string{"-min", "85", file, "actors"}, &out, &out); status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			if !strings.Contains(out.String(), tt.says) {
				t.Errorf("no %q in:\n%s", tt.says, out.String())
			}
		})
	}
}

func TestCovercheckIsToldWhatToRead(t *testing.T) {
	for _, args := range [][]string{{}, {"profile"}, {"-min", "much", "profile", "actors"}, {filepath.Join(t.TempDir(), "none"), "actors"}} {
		var out bytes.Buffer
		if status := run(args, &out, &out); status != 2 || out.Len() == 0 {
			t.Errorf("%q: status %d and %q, want 2 and a reason", args, status, out.String())
		}
	}
}
