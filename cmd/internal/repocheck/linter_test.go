//go:build lint

package repocheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// candidates are what a file may be tempted to import: every package that the
// layers talk about, one that nobody has thought of, and the libraries.
var candidates = []string{
	module + "/actors",
	module + "/actors/wire",
	module + "/actors/actorstest",
	module + "/actors/services",
	module + "/actors/token",
	module + "/gateway",
	module + "/gateway/client",
	module + "/backendapi",
	module + "/backendapi/client",
	module + "/backendapi/application",
	module + "/cmd/snorkyd/server",
	module + "/examples/echo",
	module + "/another",
	"github.com/asynkron/protoactor-go/actor",
	"github.com/gorilla/websocket",
	"github.com/go-jose/go-jose/v4",
	"github.com/rs/zerolog",
	"flag", "log", "log/slog", "net/http", "time",
}

// TestLinterRefusesImports puts every candidate into a file at the top of each
// layer and into one a folder deeper (a careless glob matches only one of the
// two) and expects of the linter, under the project's own configuration, the
// opinion that the table of layers has.
func TestLinterRefusesImports(t *testing.T) {
	for _, l := range layers {
		t.Run(l.folder, func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(filepath.Join(root, l.folder)); err != nil {
				t.Errorf("the layer's folder is gone: %v", err)
			}
			m := newInjected(t)
			want := map[string][]string{}
			for _, folder := range []string{l.folder, l.folder + "/deeper"} {
				var refused []string
				var lines strings.Builder
				for _, pkg := range candidates {
					if pkg == module+"/"+l.folder {
						continue
					}
					fmt.Fprintf(&lines, "import _ %q\n", pkg)
					if l.refuses(pkg) != "" {
						refused = append(refused, pkg)
					}
				}
				m.write(folder+"/injected.go", "package a\n\n"+lines.String())
				want[folder+"/injected.go"] = refused
				// Tests are freer.
				m.write(folder+"/injected_test.go", "package a\n\n"+lines.String())
			}
			got := map[string][]string{}
			for _, issue := range m.lint("depguard") {
				match := notAllowed.FindStringSubmatch(issue.Text)
				if match == nil {
					t.Fatalf("%s: no word about an import: %s", issue.Pos.Filename, issue.Text)
				}
				if !slices.Contains(got[issue.Pos.Filename], match[1]) {
					got[issue.Pos.Filename] = append(got[issue.Pos.Filename], match[1])
				}
			}
			for file, refused := range want {
				slices.Sort(got[file])
				slices.Sort(refused)
				if !slices.Equal(got[file], refused) {
					t.Errorf("%s:\nthe linter refuses %q\nthe layers refuse %q", file, got[file], refused)
				}
				delete(got, file)
			}
			for file, refused := range got {
				t.Errorf("%s: the linter refuses %q", file, refused)
			}
		})
	}
}

var notAllowed = regexp.MustCompile(`import '([^']+)' is not allowed`)

// TestLinterRefusesHabits injects one thing of each kind that the project's
// configuration forbids beyond a linter's defaults, each with its acceptable
// sibling.
func TestLinterRefusesHabits(t *testing.T) {
	for _, tt := range []struct {
		name, linter, file, text string
		refused                  bool
	}{
		{"a pause in a test", "forbidigo", "gateway/a_test.go", "package a\n\nimport z \"time\"\n\nfunc f() { z.Sleep(1) }\n", true},
		{"a timer in a test", "forbidigo", "gateway/a_test.go", "package a\n\nimport z \"time\"\n\nfunc f() { <-z.After(1) }\n", false},
		{"a print in a library", "forbidigo", "actors/a.go", "package a\n\nimport \"fmt\"\n\nfunc f() { fmt.Println() }\n", true},
		{"a print in a program", "forbidigo", "examples/echo/a.go", "package a\n\nimport \"fmt\"\n\nfunc f() { fmt.Println() }\n", false},
		{"a pause in a program", "forbidigo", "examples/echo/a.go", "package a\n\nimport \"time\"\n\nfunc f() { time.Sleep(1) }\n", true},
		{"the environment in a library", "forbidigo", "backendapi/a.go", "package a\n\nimport \"os\"\n\nvar a = os.Getenv(\"A\")\n", true},
		{"the environment in a program", "forbidigo", "cmd/snorkyd/a.go", "package a\n\nimport \"os\"\n\nvar a = os.Getenv(\"A\")\n", false},
		{"a line in the wrong log", "forbidigo", "gateway/a.go", "package a\n\nimport \"log\"\n\nfunc f() { log.Println() }\n", true},
		{"a server's log", "forbidigo", "gateway/a.go", "package a\n\nimport (\n\t\"io\"\n\t\"log\"\n)\n\nvar l = log.New(io.Discard, \"\", 0)\n", false},
		{"an init", "gochecknoinits", "actors/a.go", "package a\n\nfunc init() {}\n", true},
		{"an undocumented name", "revive", "actors/a.go", "// Package a is documented.\npackage a\n\nfunc F() {}\n", true},
		{"a documented name", "revive", "actors/a.go", "// Package a is documented.\npackage a\n\n// F is documented.\nfunc F() {}\n", false},
		{"a silencing without a reason", "nolintlint", "actors/a.go", "package a\n\nfunc f() {} //nolint:unused\n", true},
		{"an unfinished thought", "godox", "actors/a.go", "package a\n\n// TO" + "DO: think.\nfunc f() {}\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := newInjected(t)
			m.write(tt.file, tt.text)
			issues := m.lint(tt.linter)
			if refused := len(issues) > 0; refused != tt.refused {
				t.Errorf("issues: %v, want any: %v", issues, tt.refused)
			}
			for _, issue := range issues {
				if issue.FromLinter != tt.linter || issue.Pos.Filename != tt.file {
					t.Errorf("an issue of something else: %+v", issue)
				}
			}
		})
	}
}

// An injected module has this module's name and linter configuration, an empty
// package for every candidate, and then what a test writes into it.
type injected struct {
	t   *testing.T
	dir string
}

func newInjected(t *testing.T) injected {
	t.Helper()
	m := injected{t: t, dir: t.TempDir()}
	config, err := os.ReadFile(filepath.Join(root, ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	m.write(".golangci.yml", string(config))

	mod := "module " + module + "\n\ngo 1.26\n"
	for _, pkg := range candidates {
		folder, own := strings.CutPrefix(pkg, module+"/")
		if !own && standard(pkg) {
			continue
		}
		if !own {
			// A library of that name, so that nothing is looked up or fetched.
			library := strings.TrimSuffix(pkg, "/actor")
			folder = "libraries/" + pkg
			m.write("libraries/"+library+"/go.mod", "module "+library+"\n")
			version := "v1.0.0"
			if major := path.Base(library); strings.HasPrefix(major, "v") {
				version = major + ".0.0"
			}
			mod += fmt.Sprintf("\nrequire %s %s\nreplace %s => ./libraries/%s\n", library, version, library, library)
		}
		m.write(folder+"/empty.go", "// Package a is empty.\npackage a\n")
	}
	m.write("go.mod", mod)
	return m
}

func (m injected) write(file, text string) {
	m.t.Helper()
	path := filepath.Join(m.dir, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

type issue struct {
	FromLinter, Text string
	Pos              struct{ Filename string }
}

// lint runs one linter and returns what it found. Exit status 1 is the
// linter's word for "found something".
func (m injected) lint(linter string) []issue {
	m.t.Helper()
	tool := os.Getenv("GOLANGCI_LINT")
	if tool == "" {
		m.t.Fatal("GOLANGCI_LINT does not name the linter; \"make lint\" sets it")
	}
	run := exec.CommandContext(m.t.Context(), tool, "run",
		"--enable-only", linter, "--allow-parallel-runners",
		"--output.json.path", "stdout", "--output.text.path", "stderr", "--show-stats=false", "./...")
	run.Dir = m.dir
	run.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off",
		"GOLANGCI_LINT_CACHE="+filepath.Join(m.dir, ".cache"))
	var complaints bytes.Buffer
	run.Stderr = &complaints
	text, err := run.Output()
	var exit *exec.ExitError
	if found := errors.As(err, &exit) && exit.ExitCode() == 1; err != nil && !found {
		m.t.Fatalf("%s: %v\n%s%s", tool, err, text, complaints.String())
	}
	var report struct{ Issues []issue }
	if err := json.Unmarshal(bytes.TrimSpace(text), &report); err != nil {
		m.t.Fatalf("the linter's report: %v\n%s%s", err, text, complaints.String())
	}
	return report.Issues
}
