package completion

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

// script puts a script where a shell can load it.
func script(t *testing.T, text []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "_snorkyd")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// ask has a shell run a program; where there is no such shell the test is left out.
func ask(t *testing.T, shell string, args ...string) []string {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		t.Skipf("there is no %s", shell)
	}
	cmd := exec.Command(shell, args...)
	cmd.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(cmd.Dir, "a file.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

var lines = []struct {
	name  string
	words []string // the last one is being completed
	want  string
}{
	{"a flag", []string{"-log-l"}, "-log-level"},
	{"one of several flags", []string{"-portable", "-max-connections-"}, "-max-connections-per-address"},
	{"a choice", []string{"-log-level", "d"}, "debug"},
	{"a word of several", []string{"-token-sources", "co"}, "cookie"},
	{"a file", []string{"-config", "a"}, "a file.toml"},
	{"what cannot be listed", []string{"-frontend", ""}, ""},
}

func TestBash(t *testing.T) {
	t.Parallel()
	file := script(t, Bash())
	// compopt wants a completion that the shell itself has begun.
	const program = `compopt() { :; }; source "$1"; shift; COMP_WORDS=(snorkyd "$@"); COMP_CWORD=$#; _snorkyd; printf '%s\n' "${COMPREPLY[@]}"`
	complete := func(words ...string) []string {
		return ask(t, "bash", append([]string{"--norc", "-uc", program, "bash", file}, words...)...)
	}
	for _, line := range lines {
		if got := strings.Join(complete(line.words...), ","); got != line.want {
			t.Errorf("%s: %q", line.name, got)
		}
	}
	for want, words := range map[string][]string{
		"--log-level": {"--log-l"},
		"debug":       {"-log-level", "=", "d"},
		"info":        {"--log-level", "i"},
	} {
		if got := strings.Join(complete(words...), " "); got != want {
			t.Errorf("%q: %q", words, got)
		}
	}
	if got := complete(""); len(got) != len(config.Options()) {
		t.Errorf("%d flags of %d: %q", len(got), len(config.Options()), got)
	}
}

func TestFish(t *testing.T) {
	t.Parallel()
	file := script(t, Fish())
	for _, line := range lines {
		words := "snorkyd " + strings.Join(line.words, " ")
		got, _, _ := strings.Cut(ask(t, "fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", file, words)[0], "\t")
		if got != line.want {
			t.Errorf("%s: %q", line.name, got)
		}
	}
}

// Zsh completes on a terminal only, which zpty is to it. It puts a "=" behind a flag that takes a value, and takes that away
// again if a blank is typed.
func TestZsh(t *testing.T) {
	t.Parallel()
	const program = `
zmodload zsh/zpty || exit 1
zpty shell zsh -f
zpty -w shell "PROMPT= RPROMPT=; stty -echo; fpath=(${1:h} \$fpath); autoload -Uz compinit; compinit -D -u; bindkey '^I' complete-word; setopt no_beep
show() { print -r -- \"<\$BUFFER>\"; BUFFER=; zle accept-line }; zle -N show; bindkey '^T' show; print ready"
while zpty -r shell line; do [[ $line == *ready* && $line != *print* ]] && break; done
for words in "${@:2}"; do
	zpty -w -n shell "$words"$'\t\C-t'
	while zpty -r shell line; do if [[ $line == *'<'*'>'* ]]; then print -r -- "${${line##*<}%%>*}"; break; fi; done
done
zpty -d shell`
	args := []string{"-f", "-c", program, "zsh", script(t, Zsh())}
	for _, line := range lines {
		args = append(args, "snorkyd "+strings.Join(line.words, " "))
	}
	got := ask(t, "zsh", args...)
	if len(got) != len(lines) {
		t.Fatalf("%d answers: %q", len(got), got)
	}
	for i, line := range lines {
		before := strings.Join(line.words[:len(line.words)-1], " ")
		want := strings.TrimSpace("snorkyd " + strings.TrimLeft(before+" ", " ") + strings.ReplaceAll(line.want, " ", `\ `))
		if got := strings.TrimSuffix(strings.TrimSpace(got[i]), "="); got != want {
			t.Errorf("%s: %q, want %q", line.name, got, want)
		}
	}
}
