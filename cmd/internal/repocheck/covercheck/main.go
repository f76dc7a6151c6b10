// Covercheck reads a profile of "go test -coverprofile ./..." and fails when a
// package has less of its statements covered by its own tests than it should.
//
//	covercheck -min 85 PROFILE FOLDER...
//
// Every package in one of the folders (relative to the module) or below has to
// reach the minimum, in per cent. The others are shown only.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit status: 1 when a package has too little, 2 when the
// profile cannot tell.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("covercheck", flag.ContinueOnError)
	flags.SetOutput(stderr)
	minimum := flags.Float64("min", 85, "least coverage of a package, in per cent")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() < 2 {
		fmt.Fprintln(stderr, "usage: covercheck [-min PERCENT] PROFILE FOLDER...")
		return 2
	}
	file, err := os.Open(flags.Arg(0))
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	defer file.Close()
	packages, err := readProfile(file)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", flags.Arg(0), err)
		return 2
	}
	return demand{flags.Args()[1:], *minimum}.judge(packages, stdout)
}
