package alerts

import (
	"fmt"
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// check tells what an expression asks for that a server does not have, and which metrics and labels it uses.
func (m metrics) check(t *testing.T, where, text string) (expr parser.Expr, used []string) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		t.Errorf("%s: %v\n%s", where, err, text)
		return nil, nil
	}
	known := map[string]bool{}
	var grouped []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch node := node.(type) {
		case *parser.VectorSelector:
			used = append(used, node.Name)
			has, there := m[node.Name]
			if !there {
				t.Errorf("%s: there is no metric %s", where, node.Name)
			}
			for name := range has {
				known[name] = true
			}
			for _, matcher := range node.LabelMatchers {
				if fault := wrong(matcher, has); fault != "" {
					t.Errorf("%s: %s%s", where, node.Name, fault)
				}
			}
		case *parser.AggregateExpr:
			grouped = append(grouped, node.Grouping...)
		case *parser.BinaryExpr:
			if node.VectorMatching != nil {
				grouped = append(grouped, node.VectorMatching.MatchingLabels...)
			}
		}
		return nil
	})
	for _, name := range grouped {
		if !known[name] {
			t.Errorf("%s: none of %v has the label %s", where, used, name)
		}
	}
	return expr, used
}

// wrong tells what a matcher asks for in vain: a label that is not there, or a value that it never has.
func wrong(m *labels.Matcher, has map[string][]string) string {
	values, there := has[m.Name]
	switch {
	case m.Name == model.MetricNameLabel:
		return ""
	case !there:
		return " has no label " + m.Name
	case !slices.ContainsFunc(values, m.Matches):
		return fmt.Sprintf(": no value of %s fits %s; it has %q", m.Name, m, values)
	}
	return ""
}

func TestCheckFindsFaults(t *testing.T) {
	m := metrics{"a_total": {"code": {"1", "2"}}}
	for text, ok := range map[string]bool{
		`a_total`: true, `a_total{code="1"}`: true, `a_total{code=~"[12]"}`: true, `sum by (code) (a_total)`: true,
		`b_total`: false, `a_total{kode="1"}`: false, `a_total{code="3"}`: false, `a_total{code=~"4.."}`: false,
		`sum by (kode) (a_total)`: false, `a_total > on (kode) a_total`: false, `rate(a_total)`: false, `a_total(`: false,
	} {
		fake := &testing.T{}
		m.check(fake, "", text)
		if fake.Failed() == ok {
			t.Errorf("%s: failed: %v", text, fake.Failed())
		}
	}
}
