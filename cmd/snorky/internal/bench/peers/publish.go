package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/peer"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/report"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/session"
)

// places are where results go.
type places struct {
	records  string
	document string
	plots    string // a folder
	fresh    bool   // the document is made of the tables alone
}

func placesOf(s settings) places {
	if s.out != "" {
		return places{filepath.Join(s.out, "runs.jsonl"), filepath.Join(s.out, "tables.md"), s.out, true}
	}
	folder := filepath.Join(s.root, "cmd", "snorky", "internal", "bench", "peers", "results")
	return places{filepath.Join(folder, "runs.jsonl"), filepath.Join(s.root, "BENCHMARKS.md"), folder, false}
}

// publish writes the tables into the document, the plots beside it, and the tables to w.
func (p places) publish(r report.Records, w io.Writer) error {
	sections := report.Sections(r)
	for _, s := range sections {
		if _, err := fmt.Fprintf(w, "\n%s\n\n%s", s.Name, s.Text); err != nil {
			return err
		}
	}
	var errs []error
	document, err := p.read(sections)
	if err == nil {
		document, err = report.Fill(document, sections)
	}
	if err == nil {
		err = write(p.document, document)
	}
	errs = append(errs, err)
	for _, plot := range report.Plots(r) {
		errs = append(errs, write(filepath.Join(p.plots, plot.File), plot.SVG))
	}
	return errors.Join(errs...)
}

func (p places) read(sections []report.Section) (string, error) {
	if p.fresh {
		var b strings.Builder
		for _, s := range sections {
			fmt.Fprintf(&b, "## %s\n\n<!-- peers:%s -->\n<!-- /peers:%s -->\n\n", s.Name, s.Name, s.Name)
		}
		return b.String(), nil
	}
	text, err := os.ReadFile(p.document)
	return string(text), err
}

func write(file, text string) error {
	return os.WriteFile(file, []byte(text), 0o644) //nolint:gosec // a document that everybody may read
}

// list shows what can be asked for.
func list(w io.Writer) {
	fmt.Fprintln(w, "servers:")
	for _, k := range peer.Kinds() {
		fmt.Fprintf(w, "  %-18s %s: %s\n", k.Name, k.Title, k.Setup)
	}
	fmt.Fprintln(w, "scenarios:")
	for _, s := range session.Scenarios() {
		fmt.Fprintf(w, "  %-18s %s\n", s.Name, strings.Join(s.Peers, ", "))
	}
}
