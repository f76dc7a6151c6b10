package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:                   "version",
		Short:                 "Show the version",
		Args:                  arguments(0, 0, "no arguments"),
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(*cobra.Command, []string) error {
			if a.report.json {
				return a.object(versionLine{version(), runtime.Version(), runtime.GOOS, runtime.GOARCH})
			}
			return a.line([]byte("snorky " + version() + " (" + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + ")"))
		},
	}
}

type versionLine struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	System  string `json:"system"`
	Machine string `json:"machine"`
}

// release is set by those who build a release: go build -ldflags "-X main.release=v1.2.3".
var release string

// version is the release, or else what the go command has put into the program: a version, or a commit.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
