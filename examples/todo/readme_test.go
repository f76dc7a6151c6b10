package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/examples/internal/browser"
	"github.com/snorky-go/snorky/examples/internal/process"
	"github.com/snorky-go/snorky/examples/internal/tasks/pagetest"
)

// blocks are the pieces of the README in a language.
func blocks(t *testing.T, language string) (pieces []string) {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllSubmatch(readme, -1) {
		pieces = append(pieces, string(match[1]))
	}
	return pieces
}

// TestReadmeShowsThePrograms looks for each piece of Go and JavaScript of the README in the sources, word by word.
func TestReadmeShowsThePrograms(t *testing.T) {
	for language, atLeast := range map[string]int{"go": 3, "js": 2} {
		text := sources(t, "."+language)
		pieces := blocks(t, language)
		if len(pieces) < atLeast {
			t.Errorf("%d pieces of %s", len(pieces), language)
		}
		for _, piece := range pieces {
			if !strings.Contains(text, piece) {
				t.Errorf("no program has this piece of the README:\n%s", piece)
			}
		}
	}
}

func sources(t *testing.T, ending string) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range []string{".", "../internal/tasks"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
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
	}
	return all.String()
}

// TestReadmeRuns types what the README says. Only the addresses are others, by the environment, and the home.
func TestReadmeRuns(t *testing.T) {
	commands := blocks(t, "sh")
	if len(commands) != 3 {
		t.Fatalf("the README has %q", commands)
	}
	home := t.TempDir()
	environment := append(goEnvironment(t), "HOME="+home)
	shell := func(command string, more ...string) *process.Process {
		return process.Start(t, process.Command{
			Program: "sh", Arguments: []string{"-c", command}, Folder: "../..", Group: true, Environment: append(environment, more...),
		})
	}
	snorky := shell(commands[0], "SNORKY_FRONTEND=127.0.0.1:0", "SNORKY_BACKEND=127.0.0.1:0", "SNORKY_ADMIN=none", "SNORKY_ALLOW_ORIGIN=*")
	at := addresses(t, snorky)
	where := []string{"TODO_LISTEN=127.0.0.1:0", "SNORKY_BACKEND=" + at.Backend, "SNORKY_URL=ws://" + at.Frontend + "/ws"}

	tab := browser.Open(t, browser.Start(t))
	list := shell(commands[1], where...)
	page := pagetest.Open(tab, list.Shown("http://"))
	list.Logged("Snorky is there")
	page.Add("Read the README")
	page.Shows("Read the README")
	if _, err := os.Stat(filepath.Join(home, "todo.db")); err != nil {
		t.Error(err)
	}
	list.Kill()

	if cluster == nil {
		t.Skip("the rest takes a PostgreSQL")
	}
	const example = "postgres://localhost/todo"
	if !strings.Contains(commands[2], example) {
		t.Fatalf("the README has %q", commands[2])
	}
	list = shell(strings.Replace(commands[2], example, postgres(t), 1), where...)
	page = pagetest.Open(tab, list.Shown("http://"))
	page.Add("Read it again")
	page.Shows("Read it again")
	list.Kill() // before its database is dropped
}

// goEnvironment is where go keeps things, for when the home is another.
func goEnvironment(t *testing.T) (all []string) {
	t.Helper()
	names := []string{"GOPATH", "GOCACHE", "GOMODCACHE", "GOENV", "GOPROXY"}
	said, err := exec.CommandContext(t.Context(), "go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, value := range strings.Split(strings.TrimSuffix(string(said), "\n"), "\n") {
		all = append(all, names[i]+"="+value)
	}
	return all
}
