package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const rootHelp = `snorky talks to a Snorky server from a shell: it subscribes to channels,
publishes messages, calls services and measures.

  snorky subscribe news
  SNORKY_KEY=... snorky publish news '{"title":"Hello"}'

Environment (a flag wins over it)
  SNORKY_URL        the frontend, which subscribe and call connect to
  SNORKY_BACKEND    the backend, which publish and call --via backend connect to
  SNORKY_KEY        the backend's key; there is no flag for it, since everybody on
                    the machine can read command lines
  SNORKY_ADMIN      the admin address, which top asks
  SNORKY_KEY_FILE   a file with the backend's key, where SNORKY_KEY is not set

Exit status
  0    done, or the reader of the output has had enough
  1    failed for another reason
  2    the command line or the input is wrong
  3    cannot connect, or the connection was lost
  4    the server or the service refused
  5    not authorized: the key is missing, unreadable or wrong
  6    bench: measured, but messages were missing, twice, or the like
  130  interrupted (Ctrl-C); 143 after SIGTERM

Results go to standard output, a line each; everything else to standard error.
Control characters in what others have sent are shown escaped.`

func (a *app) rootCommand(ctx context.Context) *cobra.Command {
	root := &cobra.Command{
		Use:                   "snorky",
		Short:                 "Talk to a Snorky server",
		Long:                  rootHelp,
		Version:               version(),
		Args:                  knownCommand,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors:         true,
		SilenceUsage:          true,
		DisableFlagsInUseLine: true,
		CompletionOptions:     cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetVersionTemplate("snorky {{.Version}}\n")
	root.SetFlagErrorFunc(badFlag)
	root.PersistentFlags().BoolVar(&a.report.json, "json", false, "results and errors as JSON objects, for programs")
	root.AddCommand(a.subscribeCommand(ctx), a.publishCommand(ctx), a.callCommand(ctx), a.healthCommand(ctx), a.benchCommand(ctx),
		a.topCommand(ctx), a.keyCommand(), a.completionCommand(), a.versionCommand(), a.describeCommand())
	return root
}

func badFlag(cmd *cobra.Command, err error) error {
	hint := seeHelp(cmd)
	if _, is := errors.AsType[*pflag.NotExistError](err); is {
		hint += ` What begins with a hyphen and is no flag, such as the number -5, goes behind "--".`
	}
	return misused(err.Error(), hint)
}

// knownCommand refuses what is no command. Cobra itself would say it on several lines.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := seeHelp(root)
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "Did you mean " + strings.Join(near, " or ") + "? " + hint
	}
	return misused("there is no command "+excerpt(args[0]), hint)
}

func seeHelp(cmd *cobra.Command) string { return `See "` + cmd.CommandPath() + ` --help".` }

// arguments checks how many there are.
func arguments(least, most int, want string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return misused(cmd.Name()+" wants "+want, seeHelp(cmd))
		case most >= 0 && len(args) > most:
			return misused(cmd.Name()+" wants "+want+"; "+excerpt(args[most])+" is too much",
				"Put quotes around what has blanks in it. "+seeHelp(cmd))
		}
		return nil
	}
}
