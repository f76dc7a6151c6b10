package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// What is described is what the help of each command says, flag by flag.
func TestDescriptionSaysWhatTheHelpSays(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := snorky(t, "", "describe")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, %s", status, stderr)
	}
	var root commandDescription
	if err := json.Unmarshal([]byte(stdout), &root); err != nil {
		t.Fatal(err)
	}
	commands := 0
	var compare func(d commandDescription)
	compare = func(d commandDescription) {
		commands++
		_, help, _ := snorky(t, "", append(strings.Fields(d.Name)[1:], "--help")...)
		if !strings.HasPrefix(help, d.Long) || !strings.Contains(help, "\n  "+d.Usage+"\n") {
			t.Errorf("%s: not its text or not its usage: %q", d.Name, d.Usage)
		}
		flags := 0
		for line := range strings.Lines(help) {
			if strings.HasPrefix(strings.TrimSpace(line), "--") || strings.HasPrefix(line, "  -") {
				flags++
			}
		}
		if flags != len(d.Flags) {
			t.Errorf("%s: the help has %d flags, the description %d", d.Name, flags, len(d.Flags))
		}
		for _, f := range d.Flags {
			if !strings.Contains(help, "--"+strings.TrimSpace(f.Name+" "+f.Unit)+" ") || !strings.Contains(help, " "+f.Usage) {
				t.Errorf("%s: the help has no --%s %s", d.Name, f.Name, f.Unit)
			}
			if in := strings.Contains(help, f.Usage+" (default "); in != (f.Default != "") {
				t.Errorf("%s --%s: default %q; the help has one: %v", d.Name, f.Name, f.Default, in)
			}
		}
		for _, below := range d.Commands {
			compare(below)
		}
	}
	compare(root)
	if commands < 10 {
		t.Errorf("%d commands in all", commands)
	}
	if _, help, _ := snorky(t, "", "--help"); strings.Contains(help, "describe") {
		t.Error("the command is not hidden")
	}
}
