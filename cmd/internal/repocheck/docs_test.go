package repocheck

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestDocumentsExist names what a reader looks for first.
func TestDocumentsExist(t *testing.T) {
	for _, name := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"} {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil {
			t.Error(err)
		} else if info.Size() == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}

// TestLinksPointSomewhere follows every link of every document that stays
// inside the repository, to the heading if it names one.
func TestLinksPointSomewhere(t *testing.T) {
	for _, document := range sources(t, ".md") {
		for _, target := range links(prose(read(t, document))) {
			at, err := url.Parse(target)
			if err != nil {
				t.Errorf("%s: %v", document, err)
				continue
			}
			if at.Scheme != "" || at.Host != "" {
				continue
			}
			file := document
			if at.Path != "" {
				file = path.Join(path.Dir(document), at.Path)
			}
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Errorf("%s links to %s, which is not there", document, target)
				continue
			}
			if at.Fragment != "" && strings.HasSuffix(file, ".md") &&
				!slices.Contains(anchors(read(t, file)), at.Fragment) {
				t.Errorf("%s links to %s, but %s has no such heading", document, target, file)
			}
		}
	}
}

// TestCommandsExist looks up the make targets and the packages that documents
// tell their readers to type.
func TestCommandsExist(t *testing.T) {
	makefile := read(t, "Makefile")
	for _, document := range sources(t, ".md") {
		text := read(t, document)
		for _, match := range makeCommand.FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^` + match[1] + `:`).MatchString(makefile) {
				t.Errorf("%s says %q; the Makefile has no such target", document, match[0])
			}
		}
		for _, match := range goCommand.FindAllStringSubmatch(text, -1) {
			folder := path.Join(path.Dir(document), match[1])
			for _, from := range []string{folder, match[1]} {
				if hasGo(from) {
					folder = ""
				}
			}
			if folder != "" {
				t.Errorf("%s says %q; there is no such package", document, match[0])
			}
		}
	}
}

var (
	makeCommand = regexp.MustCompile("(?m)(?:^\\s*(?:\\$ )?|`)make ([a-z][a-z-]*)\\b")
	goCommand   = regexp.MustCompile(`\bgo (?:run|build|install|test|vet)(?: -[-\w=,]+)* \./([\w/-]+)`)
)

func hasGo(folder string) bool {
	found, err := fs.Glob(os.DirFS(filepath.Join(root, folder)), "*.go")
	return err == nil && len(found) > 0
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var fence = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")

// prose is a document without its blocks of code.
func prose(markdown string) string { return fence.ReplaceAllString(markdown, "") }

var (
	inlineLink    = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)`)
	referenceLink = regexp.MustCompile(`(?m)^\[[^\]]+\]:\s+(\S+)`)
	htmlLink      = regexp.MustCompile(`\b(?:href|src|srcset)="([^"]+)"`)
)

func links(prose string) []string {
	var found []string
	for _, form := range []*regexp.Regexp{inlineLink, referenceLink, htmlLink} {
		for _, match := range form.FindAllStringSubmatch(prose, -1) {
			found = append(found, match[1])
		}
	}
	return found
}

var heading = regexp.MustCompile(`(?m)^#{1,6}\s+(.*?)\s*#*$`)

// anchors are the names that GitHub gives to headings: small letters, blanks
// as hyphens, other marks left out, a number after repeated ones.
func anchors(markdown string) []string {
	var found []string
	seen := map[string]int{}
	for _, match := range heading.FindAllStringSubmatch(prose(markdown), -1) {
		text := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(match[1], "$1")
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, text)
		if n := seen[name]; n > 0 {
			found = append(found, name+"-"+string(rune('0'+n)))
		} else {
			found = append(found, name)
		}
		seen[name]++
	}
	return found
}

// TestLinksAreSeen keeps the expressions above from quietly matching nothing.
func TestLinksAreSeen(t *testing.T) {
	text := "# One two: `x_y`!\n## Same\n## Same\n[a](b.md) ![p](c.png \"title\") <img src=\"d.png\">\n```\n[no](no.md)\n```\n[r]: e.md\n"
	if got, want := links(prose(text)), []string{"b.md", "c.png", "e.md", "d.png"}; !slices.Equal(got, want) {
		t.Errorf("links %q, want %q", got, want)
	}
	if got, want := anchors(text), []string{"one-two-x_y", "same", "same-1"}; !slices.Equal(got, want) {
		t.Errorf("anchors %q, want %q", got, want)
	}
	commands := "Type `make run`.\n\n    make test\n$ make lint\nThey make sense. go run -race ./examples/demo and go test ./...\n"
	var found []string
	for _, match := range makeCommand.FindAllStringSubmatch(commands, -1) {
		found = append(found, match[1])
	}
	for _, match := range goCommand.FindAllStringSubmatch(commands, -1) {
		found = append(found, match[1])
	}
	if want := []string{"run", "test", "lint", "examples/demo"}; !slices.Equal(found, want) {
		t.Errorf("commands %q, want %q", found, want)
	}
}
