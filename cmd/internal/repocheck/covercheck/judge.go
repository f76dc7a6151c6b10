package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

const module = "github.com/snorky-go/snorky/"

// judge prints a line for each package and returns 0 when all packages in the
// folders reach the minimum and each folder was measured at all.
func judge(packages []counted, folders []string, minimum float64, out io.Writer) int {
	status := 0
	measured := map[string]bool{}
	for _, p := range packages {
		name := strings.TrimPrefix(p.pkg, module)
		mark := " "
		for _, folder := range folders {
			if name == folder || strings.HasPrefix(name, folder+"/") {
				measured[folder] = true
				mark = "."
			}
		}
		if mark == "." && p.percent() < minimum {
			mark = "!"
			status = 1
		}
		fmt.Fprintf(out, "%s %5.1f%%  %5d statements  %s\n", mark, p.percent(), p.statements, name)
	}
	for _, folder := range folders {
		if !measured[folder] {
			fmt.Fprintf(out, "! nothing was measured in %s\n", folder)
			status = 1
		}
	}
	required := fmt.Sprintf("at least %g%% in each package of %s", minimum, strings.Join(slices.Sorted(slices.Values(folders)), ", "))
	if status == 0 {
		fmt.Fprintln(out, "coverage:", required)
	} else {
		fmt.Fprintln(out, "coverage: too little where marked with \"!\"; wanted is", required)
	}
	return status
}
