package main

import (
	"crypto/rand"

	"github.com/spf13/cobra"
)

const newKeyHelp = `Prints a new random key for the backend, for a file that nobody else may read:

  (umask 077; snorky key > /etc/snorky/key)`

func (a *app) keyCommand() *cobra.Command {
	return &cobra.Command{
		Use:                   "key",
		Short:                 "Make a key for the backend",
		Long:                  newKeyHelp,
		Args:                  arguments(0, 0, "no arguments"),
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(*cobra.Command, []string) error {
			key := rand.Text() // of 128 bits or more; no character that a header or a shell would have quoted
			if a.report.json {
				return a.object(keyLine{key})
			}
			return a.line([]byte(key))
		},
	}
}

type keyLine struct {
	Key string `json:"key"`
}
