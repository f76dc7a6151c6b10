package alerts

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// rule is an alert of alerts.yml.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func rules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(read(t, "prometheus/alerts.yml"))))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("there are no rules")
	}
	return all
}

var labelInText = regexp.MustCompile(`\$labels\.(\w+)`)

func TestRulesAskForWhatIsThere(t *testing.T) {
	m := scrape(t)
	names := map[string]bool{}
	for _, r := range rules(t) {
		expr, used := m.check(t, r.Alert, r.Expr)
		if expr == nil {
			continue
		}
		if names[r.Alert] {
			t.Errorf("%s is there twice", r.Alert)
		}
		names[r.Alert] = true
		if s := r.Labels["severity"]; s != "critical" && s != "warning" && s != "info" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		// Those that look back over a while need not wait.
		looksBack := strings.HasPrefix(r.Expr, "changes(") || strings.HasPrefix(r.Expr, "increase(")
		if _, err := model.ParseDuration(r.For); err != nil && !looksBack {
			t.Errorf("%s: for %q", r.Alert, r.For)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || len(r.Annotations) != 3 {
			t.Errorf("%s: annotations %v", r.Alert, slices.Sorted(maps.Keys(r.Annotations)))
		}
		for _, text := range r.Annotations {
			for _, label := range labelInText.FindAllStringSubmatch(text, -1) {
				if !slices.ContainsFunc(used, func(name string) bool { return m[name][label[1]] != nil }) {
					t.Errorf("%s: none of %v has the label %s", r.Alert, used, label[1])
				}
			}
		}
	}
}

var heading = regexp.MustCompile(`(?m)^## (\w+)$`)

func TestEachAlertHasItsSection(t *testing.T) {
	sections := map[string]string{}
	page := string(read(t, "ALERTS.md"))
	places := heading.FindAllStringSubmatchIndex(page, -1)
	for i, at := range places {
		end := len(page)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		sections[page[at[2]:at[3]]] = page[at[1]:end]
	}
	for _, r := range rules(t) {
		text, there := sections[r.Alert]
		if !there || !strings.Contains(text, "*Do*:") {
			t.Errorf("%s: ALERTS.md does not say what to do", r.Alert)
		}
		if !strings.HasSuffix(r.Annotations["runbook_url"], "/deploy/ALERTS.md#"+strings.ToLower(r.Alert)) {
			t.Errorf("%s: runbook_url %s", r.Alert, r.Annotations["runbook_url"])
		}
		delete(sections, r.Alert)
	}
	for name := range sections {
		t.Errorf("ALERTS.md has a section %s, and there is no such alert", name)
	}
}

var metricInText = regexp.MustCompile("`((?:snorky|process|go)_[a-z0-9_]+)`")

// What the page tells people to look at is there, too.
func TestPageNamesWhatIsThere(t *testing.T) {
	m := scrape(t)
	for _, found := range metricInText.FindAllStringSubmatch(string(read(t, "ALERTS.md")), -1) {
		if m[found[1]] == nil {
			t.Errorf("ALERTS.md names %s, which is no metric", found[1])
		}
	}
}
