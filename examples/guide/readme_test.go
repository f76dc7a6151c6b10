package guide

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var block = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// TestReadmeShowsThePrograms looks for each piece of Go and Python of the README in the programs, word by word.
func TestReadmeShowsThePrograms(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	endings := map[string]string{"go": ".go", "python": ".py"}
	pieces := 0
	for _, match := range block.FindAllSubmatch(readme, -1) {
		ending, checked := endings[string(match[1])]
		if !checked {
			continue
		}
		pieces++
		if piece := string(match[2]); !strings.Contains(sources(t, ending), piece) {
			t.Errorf("no program has this piece of the README:\n%s", piece)
		}
	}
	if pieces < 5 {
		t.Errorf("%d pieces were found", pieces)
	}
}

// sources are all programs of a language.
func sources(t *testing.T, ending string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ending || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
