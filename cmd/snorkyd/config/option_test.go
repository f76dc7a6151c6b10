package config

import (
	"bytes"
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
)

// Manual pages and completions offer what the program takes: no flag more, none less.
func TestOptionsAreTheFlags(t *testing.T) {
	t.Parallel()
	var offered, taken []string
	for _, o := range Options() {
		offered = append(offered, o.Name)
	}
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	var file string
	commonFlags(set, &file)
	set.VisitAll(func(f *flag.Flag) { taken = append(taken, f.Name) })
	for _, row := range settings {
		taken = append(taken, row.name)
	}
	slices.Sort(offered)
	slices.Sort(taken)
	if !slices.Equal(offered, taken) {
		t.Errorf("offered %q\ntaken %q", offered, taken)
	}
}

func TestOptionsSayWhatTheHelpSays(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	snorkyd().Usage(&help)
	plain := strings.Join(strings.Fields(help.String()), " ")
	for _, o := range Options() {
		want := strings.TrimSpace("-"+o.Name+" "+o.Unit) + " " + strings.Join(strings.Fields(o.Help), " ")
		if o.Group != "" {
			want += " Default " + orNone(o.Default) + ". Variable " + o.Variable + "."
		}
		if !strings.Contains(plain, want) {
			t.Errorf("the help does not say %q", want)
		}
		if o.Group != "" && !slices.Contains(Groups(), o.Group) {
			t.Errorf("%s: no group %q", o.Name, o.Group)
		}
	}
}

// What is offered as a value is taken as one.
func TestChoicesAreTaken(t *testing.T) {
	t.Parallel()
	offered := 0
	for _, o := range Options() {
		for _, text := range o.Choices {
			var cfg Config
			row, _ := lookup(o.Name)
			if err := row.field(&cfg).set(text); err != nil {
				t.Errorf("-%s %s: %v", o.Name, text, err)
			}
			offered++
		}
		if o.TakesFile() != (o.Unit == "FILE") {
			t.Errorf("%s: %q, TakesFile %v", o.Name, o.Unit, o.TakesFile())
		}
	}
	if offered < 7 {
		t.Errorf("%d choices in all", offered)
	}
}
