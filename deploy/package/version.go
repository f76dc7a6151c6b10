package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var errVersion = errors.New(`is no version; write one such as 1.2.3 or 1.2.3~rc.1`)

// A package's version sorts as packagers sort: "~" before nothing, "+" behind it.
var versionForm = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+([~+.][0-9A-Za-z~+.]*)?$`)

func checkVersion(text string) error {
	if !versionForm.MatchString(text) {
		return fmt.Errorf("%q %w", text, errVersion)
	}
	return nil
}

// describe asks git for a version: that of the tag, with the number of commits since then behind it, and the commit. While
// there is no tag, it is 0.0.0.
func describe(ctx context.Context, root string) (string, error) {
	if long, err := git(ctx, root, "describe", "--tags", "--long", "--dirty", "--match", "v[0-9]*"); err == nil {
		return fromDescription(long)
	}
	count, err := git(ctx, root, "rev-list", "--count", "HEAD")
	if err != nil {
		return "", fmt.Errorf("no version without git; -version gives one: %w", err)
	}
	commit, err := git(ctx, root, "describe", "--always", "--dirty", "--abbrev=12", "--exclude", "*")
	if err != nil {
		return "", err
	}
	return fromDescription("v0.0.0-" + count + "-g" + commit)
}

var description = regexp.MustCompile(`^v([0-9]+\.[0-9]+\.[0-9]+)(?:-([0-9A-Za-z.-]+))?-([0-9]+)-(g[0-9a-f]+)(-dirty)?$`)

func fromDescription(text string) (string, error) {
	parts := description.FindStringSubmatch(text)
	if parts == nil {
		return "", fmt.Errorf("git describes this as %q, which %w", text, errVersion)
	}
	version := parts[1]
	if parts[2] != "" {
		version += "~" + strings.ReplaceAll(parts[2], "-", ".")
	}
	if parts[3] != "0" || parts[5] != "" {
		version += "+" + parts[3] + "." + parts[4]
	}
	if parts[5] != "" {
		version += ".dirty"
	}
	return version, nil
}

// release is the version as the programs show it, in the form that Go's modules have.
func release(version string) string { return "v" + strings.ReplaceAll(version, "~", "-") }

// day is the time that all files of the package bear, so that the same commit gives the same bytes: SOURCE_DATE_EPOCH, or
// when the commit was made.
func day(ctx context.Context, root string) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		var err error
		if text, err = git(ctx, root, "log", "-1", "--format=%ct"); err != nil {
			return time.Time{}, fmt.Errorf("no time without git; SOURCE_DATE_EPOCH gives one: %w", err)
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	out, err := run(ctx, root, nil, "git", args...)
	return strings.TrimSpace(string(out)), err
}

// run returns what a program has printed; what it complains about is in the error.
func run(ctx context.Context, folder string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // git, go, and what go has built
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), env...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return out, nil
}
