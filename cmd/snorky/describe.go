package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The manual pages are made from what this prints, so that they say what the help says. Whoever packages the program
// needs it, whoever uses it does not: it is hidden.

type commandDescription struct {
	Name     string               `json:"name"` // with those of the commands above it
	Usage    string               `json:"usage"`
	Short    string               `json:"short"`
	Long     string               `json:"long"`
	Flags    []flagDescription    `json:"flags"`
	Commands []commandDescription `json:"commands"`
}

type flagDescription struct {
	Name      string `json:"name"`
	Shorthand string `json:"shorthand"`
	Unit      string `json:"unit"` // empty if the flag takes no value
	Usage     string `json:"usage"`
	Default   string `json:"default"` // empty where there is none, or where it means nothing
}

func (a *app) describeCommand() *cobra.Command {
	return &cobra.Command{
		Use:                   "describe",
		Short:                 "Print all commands and flags as JSON",
		Hidden:                true,
		Args:                  arguments(0, 0, "no arguments"),
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.object(describe(cmd.Root()))
		},
	}
}

func describe(cmd *cobra.Command) commandDescription {
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	d := commandDescription{Name: cmd.CommandPath(), Usage: cmd.UseLine(), Short: cmd.Short, Long: cmd.Long}
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			d.Flags = append(d.Flags, describeFlag(f))
		}
	}
	cmd.LocalFlags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	for _, below := range cmd.Commands() {
		if below.IsAvailableCommand() {
			d.Commands = append(d.Commands, describe(below))
		}
	}
	return d
}

func describeFlag(f *pflag.Flag) flagDescription {
	unit, usage := pflag.UnquoteUsage(f)
	d := flagDescription{Name: f.Name, Shorthand: f.Shorthand, Unit: unit, Usage: usage}
	switch f.DefValue {
	case "", "0", "0s", "false", "[]": // the help is silent about these, too
	default:
		d.Default = f.DefValue
	}
	return d
}
