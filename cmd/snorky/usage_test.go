package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the help texts to testdata")

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"", "subscribe", "publish", "call", "health", "top", "key", "completion", "version"} {
		args, name := []string{command, "--help"}, command
		if command == "" {
			args, name = args[1:], "snorky"
		}
		status, stdout, stderr := snorky(t, "", args...)
		if status != 0 || stderr != "" {
			t.Errorf("%s: status %d, %s", name, status, stderr)
		}
		file := filepath.Join("testdata", "help", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(stdout), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if stdout != string(want) {
			t.Errorf("%s is not the help; if it should be, run go test -update:\n%s", file, stdout)
		}
	}
}

func TestHelpIsShownToThoseWhoTypeNothing(t *testing.T) {
	t.Parallel()
	_, help, _ := snorky(t, "", "--help")
	if status, stdout, _ := snorky(t, ""); status != 0 || stdout != help {
		t.Errorf("status %d, %s", status, stdout)
	}
}

func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string // words between blanks
		says string
	}{
		{"frobnicate", "no command `frobnicate`"},
		{"publis", "Did you mean publish?"},
		{"--frobnicate", "snorky --help"},
		{"subscribe", "wants a channel"},
		{"subscribe --frobnicate news", "snorky subscribe --help"},
		{"subscribe --count -1 news", "--count"},
		{"subscribe --count", "needs an argument"},
		{"subscribe --timeout 10 news", "--timeout"},
		{"subscribe --timeout 0s news", "--timeout has to be more than 0"},
		{"subscribe --json-channel news", `'"news"'`},
		{"subscribe --url ftp://h news", "--url"},
		{"publish", "wants a channel"},
		{"publish news 1 2", "Put quotes"},
		{"publish news -5", `behind "--"`},
		{"publish news hello", "--string"},
		{"publish --json-channel {} hello", "--string"},
		{"publish --json-channel news 1", "--json-channel"},
		{"publish --via window news 1", "frontend and backend"},
		{"publish --timeout -1s news 1", "--timeout has to be more than 0"},
		{"publish --key-file KEY --backend ws://h/ news 1", "--backend"},
		{"call calculator", "wants a service"},
		{"call calculator sum 1", "no JSON object"},
		{"call calculator sum {", "not JSON"},
		{"call --timeout 0s calculator sum", "--timeout"},
		{"call --via window calculator sum", "frontend and backend"},
		{"call --url ws:// calculator sum", "--url"},
		{"completion", "one shell"},
		{"completion tcsh", "bash, zsh and fish"},
		{"version 2", "wants no arguments"},
	} {
		t.Run(c.line, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(strings.ReplaceAll(c.line, "KEY", keyFile(t, testKey)))
			status, stdout, stderr := snorky(t, "", args...)
			if status != int(exitUsage) || stdout != "" {
				t.Errorf("status %d, stdout %q", status, stdout)
			}
			contains(t, stderr, "snorky: ", c.says)
			if lines := strings.Count(stderr, "\n"); lines > 2 {
				t.Errorf("%d lines:\n%s", lines, stderr)
			}
			status, _, stderr = snorky(t, "", append([]string{"--json"}, args...)...)
			if f := failureOf(t, stderr); status != int(exitUsage) || f.Error != "usage" || f.Exit != status {
				t.Errorf("as JSON: status %d, %+v", status, f)
			}
		})
	}
}

// failureOf reads the one line that --json shows of a failure.
func failureOf(t *testing.T, stderr string) failureLine {
	t.Helper()
	var f failureLine
	if err := json.Unmarshal([]byte(stderr), &f); err != nil {
		t.Errorf("%v: %q", err, stderr)
	}
	return f
}

func TestFlagsBehindTheEndOfFlagsAreNone(t *testing.T) {
	t.Parallel()
	_, _, stderr := snorky(t, "", "publish", "news", "--", "--json")
	if !strings.HasPrefix(stderr, "snorky: the message `--json` is not JSON") {
		t.Errorf("got %q", stderr)
	}
	if status, _, stderr := snorky(t, "", "publish", "--key-file", keyFile(t, testKey), "--backend", ":1", "news", "--", "-5"); status != int(exitUnreachable) {
		t.Errorf("status %d, %s", status, stderr)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	status, stdout, _ := snorky(t, "", "version")
	if status != 0 || !strings.HasPrefix(stdout, "snorky ") || strings.Count(stdout, "\n") != 1 {
		t.Errorf("status %d, %q", status, stdout)
	}
	var line versionLine
	_, stdout, _ = snorky(t, "", "version", "--json")
	if err := json.Unmarshal([]byte(stdout), &line); err != nil || line.Version != version() || line.Go == "" || line.System == "" || line.Machine == "" {
		t.Errorf("%v: %q", err, stdout)
	}
	if _, stdout, _ = snorky(t, "", "--version"); stdout != "snorky "+version()+"\n" {
		t.Errorf("got %q", stdout)
	}
}

func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for shell, part := range map[string]string{
		"bash": "complete -o default -F __start_snorky snorky",
		"zsh":  "#compdef snorky",
		"fish": "complete -c snorky",
	} {
		status, stdout, stderr := snorky(t, "", "completion", shell)
		if status != 0 || stderr != "" {
			t.Errorf("%s: status %d, %s", shell, status, stderr)
		}
		contains(t, stdout, part)
	}
}

// TestCompletions asks as the scripts do.
func TestCompletions(t *testing.T) {
	t.Parallel()
	const noFiles, files = ":4\n", ":0\n"
	for _, c := range []struct {
		typed []string
		want  []string
	}{
		{[]string{"s"}, []string{"subscribe\t", noFiles}},
		{[]string{"publish", "--via", ""}, []string{"backend\nfrontend\n", noFiles}},
		{[]string{"call", "--via", ""}, []string{"frontend\nbackend\n", noFiles}},
		{[]string{"completion", ""}, []string{"bash\nzsh\nfish\n"}},
		{[]string{"publish", ""}, []string{noFiles}},
		{[]string{"subscribe", "--re"}, []string{"--reconnect\t", noFiles}},
		{[]string{"subscribe", "--service", ""}, []string{noFiles}},
		{[]string{"publish", "--key-file", ""}, []string{files}},
	} {
		_, stdout, _ := snorky(t, "", append([]string{"__complete"}, c.typed...)...)
		for _, want := range c.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%q: no %q in %q", c.typed, want, stdout)
			}
		}
	}
}
