// Package makes the packages of Snorky for Debian and for systems with RPM: programs, units, configuration, manual pages
// and completions.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := build(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

// order is what the command line asks for.
type order struct {
	root    string
	out     string
	formats []string
	arch    string
	version string
}

func parse(args []string, stderr io.Writer) (order, error) {
	var o order
	var formats string
	set := flag.NewFlagSet("package", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&formats, "formats", "deb,rpm", "`formats` of the packages: deb, rpm")
	set.StringVar(&o.root, "root", "../..", "`folder` of the sources")
	set.StringVar(&o.out, "out", "../../dist", "`folder` to write the packages to")
	set.StringVar(&o.arch, "arch", runtime.GOARCH, "`architecture` to build for, by the name that Go has for it")
	set.StringVar(&o.version, "version", "", "`version` of the packages; what git describes if it is empty")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	o.formats = strings.Split(formats, ",")
	for _, format := range o.formats {
		if !slices.Contains([]string{"deb", "rpm"}, format) {
			return o, fmt.Errorf("no packages of the format %q", format)
		}
	}
	if o.version != "" {
		return o, checkVersion(o.version)
	}
	return o, nil
}

func build(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if o.version == "" {
		if o.version, err = describe(ctx, o.root); err != nil {
			return err
		}
	}
	made, err := day(ctx, o.root)
	if err != nil {
		return err
	}
	stage, err := os.MkdirTemp("", "snorky-package-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(stage) }()
	s, err := newStage(stage, o.root, o.version, made)
	if err != nil {
		return err
	}
	if err := s.fill(ctx, o.arch); err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil { //nolint:gosec // packages are for everybody
		return err
	}
	for _, format := range o.formats {
		file, err := s.pack(format, o.arch, o.out)
		if err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
		fmt.Fprintln(stdout, filepath.Clean(file))
	}
	return nil
}
