// Package completion writes the scripts with which shells complete the flags of snorkyd, from the table that its help is
// made from. (Those of snorky come from the program itself.)
package completion

import (
	"fmt"
	"strings"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

// about is the help's first sentence: what fits into a line of a menu.
func about(o config.Option) string {
	text := o.Help
	for _, end := range []string{". ", "; "} {
		text, _, _ = strings.Cut(text, end)
	}
	return strings.TrimSuffix(text, ".")
}

// Bash is for a folder such as /usr/share/bash-completion/completions.
func Bash() []byte {
	var names, files, free []string
	var choices strings.Builder
	for _, o := range config.Options() {
		names = append(names, o.Name)
		switch {
		case o.TakesFile():
			files = append(files, o.Name)
		case o.Choices != nil:
			fmt.Fprintf(&choices, "\t%s) offered='%s' ;;\n", o.Name, strings.Join(o.Choices, " "))
		case o.Unit != "":
			free = append(free, o.Name)
		}
	}
	return fmt.Appendf(nil, bashScript, strings.Join(files, " | "), choices.String(), strings.Join(free, " | "),
		strings.Join(names, " "))
}

// A flag may have one hyphen or two, and its value may stand behind a "=", which is a word of its own to bash.
const bashScript = `# bash completion for snorkyd

_snorkyd() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} hyphens=- offered=
	if [[ $word == '=' ]]; then
		word=
	elif [[ $before == '=' && $COMP_CWORD -gt 2 ]]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	COMPREPLY=()
	before=${before#-}
	case ${before#-} in
	%s)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
%s	%s)
		return
		;;
	esac
	if [[ -n $offered ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$word")
		return
	fi
	if [[ $word == --* ]]; then
		hyphens=--
	fi
	mapfile -t COMPREPLY < <(compgen -P "$hyphens" -W '%s' -- "${word#"$hyphens"}")
}

complete -F _snorkyd snorkyd
`

// Zsh is for a folder of fpath, by the name _snorkyd.
func Zsh() []byte {
	var specs strings.Builder
	quoted := strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`, "'", `'\''`)
	for _, o := range config.Options() {
		value := ""
		switch {
		case o.TakesFile():
			value = "=:file:_files"
		case o.Choices != nil:
			value = "=:value:(" + strings.Join(o.Choices, " ") + ")"
		case o.Unit != "":
			value = "=:" + strings.ToLower(o.Unit) + ": "
		}
		equals, action, _ := strings.Cut(value, ":")
		if action != "" {
			action = ":" + action
		}
		fmt.Fprintf(&specs, " \\\n\t'*-%s%s[%s]%s'", o.Name, equals, quoted.Replace(about(o)), action)
	}
	return []byte("#compdef snorkyd\n\n_arguments" + specs.String() + "\n")
}

// Fish is for a folder such as /usr/share/fish/vendor_completions.d.
func Fish() []byte {
	var script strings.Builder
	script.WriteString("# fish completion for snorkyd\n\ncomplete -c snorkyd -f\n")
	quoted := strings.NewReplacer(`\`, `\\`, "'", `\'`)
	for _, o := range config.Options() {
		value := ""
		switch {
		case o.TakesFile():
			value = " -r -F"
		case o.Choices != nil:
			value = " -x -a '" + strings.Join(o.Choices, " ") + "'"
		case o.Unit != "":
			value = " -x"
		}
		fmt.Fprintf(&script, "complete -c snorkyd -o %s%s -d '%s'\n", o.Name, value, quoted.Replace(about(o)))
	}
	return []byte(script.String())
}
