// Package manual writes the manual pages, from what the programs say of themselves in their help.
package manual

import (
	"fmt"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
)

// Edition says of which version and day the pages are.
type Edition struct {
	Version string
	Date    time.Time
}

// Page is a page as it lies in a folder of manual pages, uncompressed.
type Page struct {
	// Name has the section behind a dot, as in snorkyd.8.
	Name string
	Roff []byte
}

// sections are the titles of the parts of the manual.
var sections = map[string]string{
	"1": "User commands",
	"5": "File formats",
	"8": "System administration",
}

// draft is a page as Markdown. What it is given is plain text: it is escaped here, and nowhere else.
type draft struct{ text strings.Builder }

func (d *draft) heading(title string) {
	fmt.Fprintf(&d.text, "\n# %s\n\n", strings.ToUpper(escape(title)))
}

func (d *draft) below(title string) { fmt.Fprintf(&d.text, "\n## %s\n\n", escape(title)) }

func (d *draft) paragraph(text string) { fmt.Fprintf(&d.text, "%s\n\n", escape(fill(text))) }

// markdown is for what has emphasis.
func (d *draft) markdown(format string, args ...any) { fmt.Fprintf(&d.text, format+"\n\n", args...) }

func (d *draft) item(term, meaning string) {
	fmt.Fprintf(&d.text, "%s\n: %s\n\n", term, escape(fill(meaning)))
}

func (d *draft) verbatim(text string) {
	fmt.Fprintf(&d.text, "```\n%s\n```\n\n", strings.Trim(text, "\n"))
}

// prose is text as in the help of a command: what is indented there is shown as it stands.
func (d *draft) prose(text string) {
	var lines []string
	verbatim := false
	flush := func() {
		block := strings.Join(lines, "\n")
		lines = nil
		switch {
		case strings.TrimSpace(block) == "":
		case verbatim:
			d.verbatim(block)
		default:
			d.paragraph(block)
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, "  ")
		if indented != verbatim && line != "" || line == "" && !verbatim {
			flush()
			verbatim = indented
		}
		lines = append(lines, line)
	}
	flush()
}

// page ends the draft.
func (d *draft) page(name, section, about string, of Edition) Page {
	head := fmt.Sprintf("%% %q %q %q %q %q\n\n# NAME\n\n%s - %s\n", strings.ToUpper(name), section,
		of.Date.UTC().Format("2006-01-02"), "Snorky "+of.Version, sections[section], escape(name), escape(about))
	return Page{Name: name + "." + section, Roff: md2man.Render([]byte(head + d.text.String()))}
}

func bold(text string) string { return "**" + escape(text) + "**" }

func italic(text string) string { return "*" + escape(text) + "*" }

func reference(name, section string) string { return bold(name) + "(" + section + ")" }

// fill breaks lines, which readers do not see, but those who look at a page's source do.
func fill(text string) string {
	const width = 72
	var out strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case column == 0:
		case column+1+len(word) > width:
			out.WriteByte('\n')
			column = 0
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += len(word)
	}
	return out.String()
}

// escape keeps Markdown from seeing marks in plain text.
func escape(text string) string {
	var out strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\\`*_{}[]()#+-.!|&<>~:", r) {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}
