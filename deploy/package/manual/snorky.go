package manual

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// command is what "snorky describe" prints of a command.
type command struct {
	Name     string
	Usage    string
	Short    string
	Long     string
	Flags    []commandFlag
	Commands []command
}

type commandFlag struct {
	Name      string
	Shorthand string
	Unit      string
	Usage     string
	Default   string
}

// Snorky are the pages of the command line, one for each command, from what "snorky describe" prints.
func Snorky(of Edition, description []byte) ([]Page, error) {
	var root command
	if err := json.Unmarshal(description, &root); err != nil {
		return nil, fmt.Errorf("the description of snorky: %w", err)
	}
	return root.pages(of, nil), nil
}

func (c command) page() string { return strings.ReplaceAll(c.Name, " ", "-") }

// pages are those of the command and of all below it.
func (c command) pages(of Edition, above []command) []Page {
	d := &draft{}
	d.heading("Synopsis")
	d.markdown("%s%s", bold(c.Name), escape(strings.TrimPrefix(c.Usage, c.Name)))
	if len(c.Commands) > 0 {
		d.markdown("%s %s", bold(c.Name), italic("COMMAND")+" ...")
	}
	d.heading("Description")
	d.prose(c.Long)
	if c.Long == "" {
		d.paragraph(c.Short + ".")
	}
	if len(c.Commands) > 0 {
		d.heading("Commands")
		for _, below := range c.Commands {
			d.item(reference(below.page(), "1"), below.Short+".")
		}
	}
	d.heading("Options")
	for _, f := range c.Flags {
		d.item(f.term(), f.meaning())
	}
	d.heading("See also")
	d.markdown("%s", c.related(above))
	pages := []Page{d.page(c.page(), "1", strings.ToLower(c.Short[:1])+c.Short[1:], of)}
	for _, below := range c.Commands {
		pages = append(pages, below.pages(of, append(slices.Clip(above), c))...)
	}
	return pages
}

func (c command) related(above []command) string {
	var all []string
	for _, other := range append(slices.Clip(above), c.Commands...) {
		all = append(all, reference(other.page(), "1"))
	}
	return strings.Join(append(all, reference("snorkyd", "8")), ", ")
}

func (f commandFlag) term() string {
	text := bold("--" + f.Name)
	if f.Shorthand != "" {
		text = bold("-"+f.Shorthand) + ", " + text
	}
	return term(text, f.Unit)
}

func (f commandFlag) meaning() string {
	text := strings.ToUpper(f.Usage[:1]) + f.Usage[1:]
	if f.Default != "" {
		text += " (default " + f.Default + ")"
	}
	return text + "."
}
