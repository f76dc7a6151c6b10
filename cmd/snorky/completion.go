package main

import (
	"bytes"

	"github.com/spf13/cobra"
)

const completionHelp = `Prints a script that completes snorky's commands and flags. To load it:

  bash  source <(snorky completion bash)           # needs bash-completion
        or for every shell: snorky completion bash > ~/.local/share/bash-completion/completions/snorky
  zsh   source <(snorky completion zsh)            # after compinit
        or for every shell: snorky completion zsh > "${fpath[1]}/_snorky"
  fish  snorky completion fish | source
        or for every shell: snorky completion fish > ~/.config/fish/completions/snorky.fish`

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:                   "completion bash|zsh|fish",
		Short:                 "Print a script for shell completion",
		Long:                  completionHelp,
		Args:                  arguments(1, 1, "the name of one shell"),
		ValidArgs:             []string{"bash", "zsh", "fish"},
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.completion(cmd.Root(), args[0])
		},
	}
}

func (a *app) completion(root *cobra.Command, shell string) error {
	var script bytes.Buffer
	var err error
	switch shell {
	case "bash":
		err = root.GenBashCompletionV2(&script, true)
	case "zsh":
		err = root.GenZshCompletion(&script)
	case "fish":
		err = root.GenFishCompletion(&script, true)
	default:
		return misused("no completion for "+excerpt(shell), "There is one for bash, zsh and fish.")
	}
	if err != nil {
		return failed(exitOther, "no script: "+err.Error(), "")
	}
	return a.line(bytes.TrimRight(script.Bytes(), "\n"))
}
