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

// version is what the go command has put into the program: a release, or a commit.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
