package bench

import (
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"testing"
	"time"
)

func snorkyAt(t *testing.T, address string) *Snorky {
	t.Helper()
	p, err := NewSnorky(SnorkyOptions{URL: address, Backend: "http://127.0.0.1:1/backend"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWorkThatCannotBeDone(t *testing.T) {
	t.Parallel()
	for setting, adapt := range map[string]func(c *Config){
		"subscribers": func(c *Config) { c.Subscribers = 0 },
		"channels":    func(c *Config) { c.Channels = MaxChannels },
		"size":        func(c *Config) { c.Size = MinSize - 1 },
		"publishers":  func(c *Config) { c.Publishers = MaxPublishers + 1 },
		"batch":       func(c *Config) { c.Batch = 0 },
		"window":      func(c *Config) { c.Batch, c.Window = 8, 7 },
		"messages":    func(c *Config) { c.Messages = -1 },
		"beside":      func(c *Config) { c.Beside = -1 },
		"dialers":     func(c *Config) { c.Dialers = 0 },
		"sources":     func(c *Config) { c.Sources = -1 },
		"rate":        func(c *Config) { c.Rate = 0 },
		"slow":        func(c *Config) { c.Slow = 100 },
		"duration":    func(c *Config) { c.Duration = 0 },
		"warmup":      func(c *Config) { c.Warmup = -1 },
		"settle":      func(c *Config) { c.Settle = -1 },
		"hold":        func(c *Config) { c.Hold = -1 },
		"sweep":       func(c *Config) { c.Sweep = -1 },
		"stall":       func(c *Config) { c.Stall = 0 },
		"timeout":     func(c *Config) { c.Timeout = 0 },
		"server_pids": func(c *Config) { c.ServerPIDs = []int{1 << 30} },
	} {
		c := Defaults()
		adapt(&c)
		var wrong *ConfigError
		if err := c.Check(snorkyAt(t, "ws://127.0.0.1:1/ws")); !errors.As(err, &wrong) || wrong.Setting != setting {
			t.Errorf("%s: %v", setting, err)
		}
	}
	if err := Defaults().Check(snorkyAt(t, "ws://127.0.0.1:1/ws")); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	far := Defaults()
	far.Sources = 2
	var wrong *ConfigError
	if err := far.Check(snorkyAt(t, "ws://192.0.2.1:1/ws")); !errors.As(err, &wrong) || wrong.Setting != "sources" {
		t.Errorf("source addresses for another machine: %v", err)
	}
}

func TestSourcesAreEnough(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"ws://127.0.0.1:1/ws": loopsWork, "ws://localhost:1/ws": loopsWork, "ws://192.0.2.1:1/ws": false, "ws://[::1]:1/ws": false,
	} {
		c := Defaults()
		c.Subscribers = 100_000
		if err := c.checkSources(snorkyAt(t, address)); err != nil {
			t.Error(err)
		}
		if got := c.Sources*28_000 > c.Subscribers; got != want {
			t.Errorf("%s: %d sources", address, c.Sources)
		}
	}
}

func TestTheLimitOfOpenFiles(t *testing.T) {
	t.Parallel()
	c := Defaults()
	c.Subscribers, c.Beside = 1000, 500
	enough := func(limit uint64, err error) func() (uint64, error) {
		return func() (uint64, error) { return limit, err }
	}
	var files *FileLimitError
	if err := c.checkFiles(enough(1520, nil)); !errors.As(err, &files) || files.Allowed != 1520 || files.Need <= 1520 {
		t.Errorf("got %v", err)
	}
	if err := c.checkFiles(enough(2000, nil)); err != nil {
		t.Error(err)
	}
	if err := c.checkFiles(enough(0, errors.ErrUnsupported)); err != nil {
		t.Error(err)
	}
	if limit, err := fileLimit(); err == nil && limit < 100 {
		t.Errorf("a limit of %d", limit)
	}
}

func TestSlowOnesAreSpreadEvenly(t *testing.T) {
	t.Parallel()
	for percent, want := range map[float64]int{0: 0, 0.1: 1, 5: 50, 33.3: 333, 50: 500, 99: 990} {
		slow, apart, last := 0, 0, -1
		for i := range 1000 {
			if isSlow(i, percent) {
				slow++
				apart = max(apart, i-last)
				last = i
			}
		}
		if slow != want || want > 1 && apart > 1000/want+1 {
			t.Errorf("%v %%: %d, up to %d apart", percent, slow, apart)
		}
	}
}

func TestSettingsAsJSON(t *testing.T) {
	t.Parallel()
	c := Defaults()
	c.Duration = 1500 * time.Millisecond
	raw, err := json.Marshal(Result{Settings: c})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Settings struct {
			Duration   float64 `json:"duration_s"`
			ServerPIDs []int   `json:"server_pids"`
			Reader     string  `json:"reader"`
		} `json:"settings"`
	}
	if err := json.Unmarshal(raw, &got); err != nil || got.Settings.Duration != 1.5 || got.Settings.ServerPIDs == nil || got.Settings.Reader != "auto" {
		t.Errorf("%v: %s", err, raw)
	}
}

func TestChildrenAreCountedWithTheirParents(t *testing.T) {
	t.Parallel()
	if !metersWork {
		if err := checkProcesses([]int{1}); err == nil {
			t.Error("processes can be looked at after all")
		}
		return
	}
	// The inner shell is a child of the outer one, and waits for its input.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "sh -c 'echo ready; read line'; true")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	m := &meter{pids: []int{cmd.Process.Pid, cmd.Process.Pid}}
	if family := m.family(); len(family) != 2 || !slices.Contains(family, cmd.Process.Pid) {
		t.Errorf("the family is %v", family)
	}
	m.resetPeak()
	if now, peak := m.memory(); now < 4096 || peak < now || m.highest() < now {
		t.Errorf("%v bytes, at most %v", now, peak)
	}
	before := m.usage()
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if after := m.usage(); after.server < before.server || after.client <= 0 || after.machine <= 0 {
		t.Errorf("%+v after %+v", after, before)
	}
}

func TestKernelMemoryIsKnown(t *testing.T) {
	t.Parallel()
	if _, structures := kernelMemory(); metersWork && structures < 1<<20 {
		t.Errorf("%v bytes", structures)
	}
}
