package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var block = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// TestReadmeShowsTheCode looks for each piece of Go of the README in the services and their tests, word by word.
func TestReadmeShowsTheCode(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, folder := range []string{".", "../echo", "../calculator", "../minipubsub", "../lookup", "../polls", "../visitors"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
	}
	pieces := block.FindAllSubmatch(readme, -1)
	for _, piece := range pieces {
		if !strings.Contains(all.String(), string(piece[1])) {
			t.Errorf("no service or test has this piece of the README:\n%s", piece[1])
		}
	}
	if len(pieces) < 20 {
		t.Errorf("%d pieces were found", len(pieces))
	}
}
