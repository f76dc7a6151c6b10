package main

import (
	"fmt"
	"io"
	"strings"
)

const module = "github.com/snorky-go/snorky/"

// A demand is what the packages in some folders have to reach.
type demand struct {
	folders []string
	minimum float64
}

// judge prints a line for each package and returns 0 when all packages that
// the demand is about reach the minimum and each folder was measured at all.
func (d demand) judge(packages []counted, out io.Writer) int {
	status := 0
	measured := map[string]bool{}
	for _, p := range packages {
		name := strings.TrimPrefix(p.pkg, module)
		mark := " "
		if folder := within(name, d.folders); folder != "" {
			measured[folder] = true
			mark = "."
			if p.percent() < d.minimum {
				mark = "!"
				status = 1
			}
		}
		fmt.Fprintf(out, "%s %5.1f%%  %5d statements  %s\n", mark, p.percent(), p.statements, name)
	}
	for _, folder := range d.folders {
		if !measured[folder] {
			fmt.Fprintf(out, "! nothing was measured in %s\n", folder)
			status = 1
		}
	}
	required := fmt.Sprintf("at least %g%% in each package of %s", d.minimum, strings.Join(d.folders, ", "))
	if status == 0 {
		fmt.Fprintln(out, "coverage:", required)
	} else {
		fmt.Fprintln(out, "coverage: too little where marked with \"!\"; wanted is", required)
	}
	return status
}

// within returns the folder in which a package lies; "" if in none.
func within(name string, folders []string) string {
	for _, folder := range folders {
		if name == folder || strings.HasPrefix(name, folder+"/") {
			return folder
		}
	}
	return ""
}
