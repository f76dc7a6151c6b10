package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
	"go.uber.org/goleak"
)

var workshop *Workshop

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if workshop, err = OpenWorkshop(filepath.Join("..", "..", "..", "..", "..", "..")); err != nil {
			panic(err)
		}
		defer func() { _ = workshop.Close() }()
		code := m.Run()
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			return 1
		}
		return code
	}())
}

// lacks says why a server cannot be had on this machine, for those that are not built from Go.
func lacks(name string) string {
	switch name {
	case "nchan", "nchan-2":
		if _, err := findNginx(workshop); err != nil {
			return err.Error()
		}
	case "socketio":
		for _, program := range []string{"node", "npm"} {
			if _, err := exec.LookPath(program); err != nil {
				return err.Error()
			}
		}
	}
	return ""
}

// TestPeersDeliver has every server carry a little of each kind of work, and the engine look for faults.
func TestPeersDeliver(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			if reason := lacks(kind.Name); reason != "" {
				t.Skip(reason)
			}
			version, err := kind.Prepare(t.Context(), workshop)
			if err != nil {
				t.Fatal(err)
			}
			if version == "" {
				t.Error("there is no version")
			}
			server, err := kind.Start(t.Context(), workshop)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Stop()
			deliver(t, server)
		})
	}
}

func deliver(t *testing.T, server *Server) {
	config := bench.Defaults()
	config.Subscribers, config.Publishers, config.Messages, config.Duration, config.Warmup = 5, 2, 60, 0, 0
	config.ServerPIDs = server.PIDs()
	for _, batch := range []int{1, 3} {
		config.Batch, config.Prefix = batch, fmt.Sprintf("c%d-", batch)
		result, err := bench.Fanout(t.Context(), server, config, nil)
		if err != nil {
			t.Fatalf("%v: %s", err, server.Complaints())
		}
		if result.Faults.Total() != 0 || result.Deliveries != 300 {
			t.Errorf("batches of %d: %d of 300 deliveries, %+v: %s", batch, result.Deliveries, result.Faults, server.Complaints())
		}
	}
	config.Batch, config.Messages, config.Duration = 1, 0, 100*time.Millisecond
	result, err := bench.Churn(t.Context(), server, config, nil)
	if err != nil {
		t.Fatalf("%v: %s", err, server.Complaints())
	}
	if result.Faults.Total() != 0 || result.Cycles == 0 {
		t.Errorf("%d cycles, %+v: %s", result.Cycles, result.Faults, server.Complaints())
	}
}

// TestKindsAreToldApart keeps names, by which results are kept, from being given twice.
func TestKindsAreToldApart(t *testing.T) {
	names, titles := map[string]bool{}, map[string]bool{}
	for _, k := range Kinds() {
		if names[k.Name] || titles[k.Title] {
			t.Errorf("%s (%s) is there twice", k.Name, k.Title)
		}
		names[k.Name], titles[k.Title] = true, true
	}
}

func TestLaunchTellsWhatAProgramComplainedOf(t *testing.T) {
	folder, err := workshop.temporary("launch")
	if err != nil {
		t.Fatal(err)
	}
	_, err = launch(t.Context(), program{
		path: "/bin/sh", args: []string{"-c", "echo no luck >&2"}, folder: folder, awaits: []string{"127.0.0.1:1"},
	})
	if err == nil || !strings.Contains(err.Error(), "it ended: no luck") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("its folder is still there: %v", err)
	}
}
