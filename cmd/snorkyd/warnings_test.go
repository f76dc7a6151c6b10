package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/memory"
)

func TestWarnings(t *testing.T) {
	t.Parallel()
	few := surroundings{descriptors: 1024}
	tight := surroundings{memory: memory.Bound{Bytes: 1 << 30, Source: "GOMEMLIMIT"}}
	for name, c := range map[string]struct {
		in          surroundings
		connections int
		memory      int
		want        string // a part of the only one; empty: there is none
	}{
		"no bounds":                    {few, 0, 0, ""},
		"enough descriptors":           {few, 1024 - spareDescriptors, 0, ""},
		"one connection more":          {few, 1025 - spareDescriptors, 0, "raise LimitNOFILE= of the unit (ulimit -n) to 1025 or more"},
		"descriptors are not known":    {surroundings{}, 1 << 20, 0, ""},
		"memory within":                {tight, 0, 1 << 30, ""},
		"memory beyond":                {tight, 0, 2 << 30, "max-memory is 2GiB, more than GOMEMLIMIT allows, 1GiB: it will never act"},
		"nothing else bounds memory":   {surroundings{}, 0, 2 << 30, ""},
		"max-memory is left to itself": {tight, 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config.Default()
			cfg.MaxConnections, cfg.MaxMemory = c.connections, c.memory
			got := c.in.warnings(cfg)
			if (c.want == "") != (len(got) == 0) || !strings.Contains(strings.Join(got, "\n"), c.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestExposed(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:5802": false, "[::1]:5802": false, "[::ffff:127.0.0.1]:1": false, "": false,
		"[::]:5802": true, "0.0.0.0:5802": true, "10.0.0.7:5802": true, "[fe80::1%eth0]:5802": true,
	} {
		if got := exposed(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}

// What -check-config warns of is good nevertheless.
func TestCheckWarns(t *testing.T) {
	t.Parallel()
	var out, wrong bytes.Buffer
	status := run([]string{"-check-config", "-max-connections", "999999999"}, nil, &out, &wrong)
	if status != statusOK || !strings.Contains(out.String(), " are good\n") ||
		!strings.HasPrefix(wrong.String(), "snorkyd: warning: max-connections is 999999999, but this process may open ") {
		t.Errorf("status %d\n%s\n%s", status, out.String(), wrong.String())
	}
}
