package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/peer"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/report"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/session"
)

func TestParseRemembersWhatChangesFigures(t *testing.T) {
	s, changed := parse([]string{"-rounds", "1", "-out", "x", "-duration", "2s", "-scenarios", "churn"})
	if s.rounds != 1 || s.out != "x" || s.scenarios != "churn" {
		t.Errorf("got %+v", s)
	}
	if want := "-duration 2s -rounds 1"; changed != want { // where it goes and what it is changes no figure
		t.Errorf("got %q, want %q", changed, want)
	}
	if _, changed := parse(nil); changed != "" {
		t.Errorf("got %q for nothing", changed)
	}
}

func TestChoose(t *testing.T) {
	got, err := choose(peer.Kinds(), words("nats, snorky"))
	if err != nil || len(got) != 2 || got[0].Name != "snorky" || got[1].Name != "nats" {
		t.Errorf("got %v, %v", got, err)
	}
	if all, err := choose(peer.Kinds(), words("")); err != nil || len(all) != len(peer.Kinds()) {
		t.Errorf("got %v, %v", all, err)
	}
	if _, err := choose(peer.Kinds(), []string{"snorkle"}); err == nil || !strings.Contains(err.Error(), `"snorkle"`) {
		t.Errorf("got %v", err)
	}
}

// rehearse leaves the records of a session behind, in which one server did one scenario.
func rehearse(t *testing.T, file string, scenario session.Scenario, rate float64) {
	t.Helper()
	log, err := begin(file, []session.Scenario{scenario})
	if err != nil {
		t.Fatal(err)
	}
	peers := []report.Peer{{Name: "snorky", Title: "Snorky", Version: "1"}}
	of := session.Record(log.id, peers, []session.Scenario{scenario}, "Linux 6", 1, "")
	if err := report.WriteSession(log, of); err != nil {
		t.Fatal(err)
	}
	run := report.Run{
		Session: log.id, Scenario: scenario.Name, Peer: "snorky", Round: 1, Attempt: 1,
		Figures: &report.Figures{Seconds: 1, DeliveriesPerSecond: rate, CyclesPerServerCPUSecond: rate},
	}
	if err := report.WriteRun(log, run); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRecordsOfSeveralSessionsMakeOneDocument(t *testing.T) {
	folder := t.TempDir()
	out := placesOf(settings{out: folder})
	scenarios, err := session.Select(session.Scenarios(), []string{"fanout-100", "churn"})
	if err != nil {
		t.Fatal(err)
	}
	rehearse(t, out.records, scenarios[0], 111e3)
	rehearse(t, out.records, scenarios[1], 222)
	rehearse(t, out.records, scenarios[0], 333e3)
	if err := run(t.Context(), settings{out: folder, render: true}, ""); err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile(out.document)
	if err != nil {
		t.Fatal(err)
	}
	text := string(document)
	if !strings.Contains(text, "| Snorky | 333 |") || !strings.Contains(text, "| Snorky | 222 |") || strings.Contains(text, "111") {
		t.Errorf("the document is\n%s", text)
	}
	for _, name := range []string{"fanout.svg", "cost.svg", "churn.svg"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestThereHasToBeSomethingToRender(t *testing.T) {
	if err := run(t.Context(), settings{out: t.TempDir(), render: true}, ""); err == nil {
		t.Error("nothing was rendered without complaint")
	}
}

// TestTheDocumentHasAPlaceForEverything fails before a long session does.
func TestTheDocumentHasAPlaceForEverything(t *testing.T) {
	text, err := os.ReadFile(placesOf(settings{root: "../../../../.."}).document)
	if err != nil {
		t.Fatal(err)
	}
	sections := []report.Section{{Name: "idle-growth"}, {Name: "setup"}}
	for _, s := range session.Scenarios() {
		sections = append(sections, report.Section{Name: s.Name})
	}
	if _, err := report.Fill(string(text), sections); err != nil {
		t.Error(err)
	}
}

func TestListNamesEverything(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		list(w)
		_ = w.Close()
	}()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range peer.Kinds() {
		if !slices.Contains(strings.Fields(string(text)), k.Name) {
			t.Errorf("%s is not in the list", k.Name)
		}
	}
}

func TestTheKernelIsNamedWithoutItsBuild(t *testing.T) {
	name, err := kernel()
	if err != nil || len(strings.Fields(name)) != 2 || strings.Contains(name, "-") {
		t.Errorf("got %q, %v", name, err)
	}
}
