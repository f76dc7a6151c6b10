package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestSignalsEndTheProgram(t *testing.T) {
	t.Parallel()
	s := boot(t)
	for signal, status := range map[os.Signal]int{os.Interrupt: 130, syscall.SIGTERM: 143} {
		cmd := program(t, s.with([]string{"subscribe", "news"})...)
		stderr := newWatched()
		cmd.Stderr = stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		contains(t, stderr.line(t), "subscribed")
		if err := cmd.Process.Signal(signal); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != status {
			t.Errorf("%v: status %d, %s", signal, got, stderr)
		}
	}
}

func TestAReaderThatHasHadEnough(t *testing.T) {
	t.Parallel()
	s := boot(t)
	cmd := program(t, s.with([]string{"subscribe", "--quiet", "news"})...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return s.Broker().Stats().Subscriptions == 1 })
	s.publish("news", "1")
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "1\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	_ = stdout.Close()
	s.publish("news", "2")
	if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
		t.Errorf("%v, %s", err, stderr.String())
	}
}

func TestTheKeyComesFromTheEnvironment(t *testing.T) {
	t.Parallel()
	s := boot(t)
	for key, status := range map[string]int{testKey: 0, testKey + "x": int(exitKey)} {
		cmd := program(t, "publish", "news", "1")
		cmd.Env = append(cmd.Env, envKey+"="+key, envBackend+"="+s.BackendAddr())
		output, err := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != status || strings.Contains(string(output), testKey) {
			t.Errorf("status %d, %s (%v)", got, output, err)
		}
	}
}

// TestBashTakesTheScript has bash look at the syntax of its script.
func TestBashTakesTheScript(t *testing.T) {
	t.Parallel()
	_, script, _ := snorky(t, "", "completion", "bash")
	cmd := exec.CommandContext(t.Context(), "bash", "-n")
	cmd.Stdin = strings.NewReader(script)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, output)
	}
}
