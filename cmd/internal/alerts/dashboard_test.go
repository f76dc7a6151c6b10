package alerts

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// dashboard is as much of Grafana's model as counts here.
type dashboard struct {
	Title, UID  string
	Panels      []panel
	Annotations struct {
		List []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Type string }
	}
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ UID string }
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct {
		RefID, Expr string
		Datasource  struct{ UID string }
	}
}

func loadDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	text := read(t, "grafana/snorky.json")
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

// concrete puts values in the place of Grafana's variables.
func concrete(expr string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(expr)
}

func TestPanelsAskForWhatIsThere(t *testing.T) {
	m := scrape(t)
	d := loadDashboard(t)
	shown := map[string]bool{}
	for _, p := range d.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			_, used := m.check(t, p.Title, concrete(target.Expr))
			for _, name := range used {
				shown[strings.TrimSuffix(name, "_bucket")] = true
			}
			if target.Datasource.UID != "${datasource}" {
				t.Errorf("%s: data source %q", p.Title, target.Datasource.UID)
			}
		}
	}
	for _, a := range d.Annotations.List {
		m.check(t, "annotation", concrete(a.Expr))
	}
	for _, r := range rules(t) {
		_, used := m.check(t, r.Alert, r.Expr)
		for _, name := range used {
			shown[strings.TrimSuffix(name, "_bucket")] = true
		}
	}
	for _, name := range sorted(m) {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		if strings.HasPrefix(name, "snorky_") && !shown[base] {
			t.Errorf("%s is neither on the dashboard nor in an alert", name)
		}
	}
}

// The dashboard can be imported as it is: it asks for a data source, and its panels do not overlap.
func TestDashboardCanBeImported(t *testing.T) {
	d := loadDashboard(t)
	if d.Title == "" || d.UID == "" || len(d.Templating.List) == 0 || d.Templating.List[0].Type != "datasource" {
		t.Errorf("%q %q %v", d.Title, d.UID, d.Templating.List)
	}
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%s: id %d", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && (p.Title == "" || p.Description == "" || p.Datasource.UID != "${datasource}") {
			t.Errorf("panel %d lacks something: %+v", p.ID, p)
		}
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s is too far right", p.Title)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if cells[at] != "" {
					t.Fatalf("%s lies over %s", p.Title, cells[at])
				}
				cells[at] = p.Title
			}
		}
	}
}
