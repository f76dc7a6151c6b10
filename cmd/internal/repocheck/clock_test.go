package repocheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Times of Go carry two readings, and what is measured by the monotonic one does not mind a clock that is set. These are
// the ways to get a time without it, or to ask the clock of the wall only. In what runs for years each of them has a
// reason, and none of them is to find out how much time has passed.
var (
	wallFunctions = []string{"Unix", "UnixMilli", "UnixMicro", "Date", "Parse", "ParseInLocation"}            // of package time
	wallMethods   = []string{"Unix", "UnixMilli", "UnixMicro", "UnixNano", "UTC", "Local", "ModTime", "Time"} // without arguments
	wallCalls     = []string{"ClockGettime", "Gettimeofday", "AddDate"}
)

var wallReasons = map[string]string{
	"actors/services/shared.go UTC":                  "timestamps that people read",
	"actors/token/claims.go Time":                    "when a token ends is said in the time of the wall; what is left then is measured once",
	"backendapi/lane_answer.go Unix":                 "the header Date, and whether it is another one than before",
	"backendapi/lane_answer.go UTC":                  "the header Date",
	"cmd/snorkyd/config/certificate.go ModTime":      "whether a file is another one than before",
	"cmd/snorkyd/internal/admin/metrics.go UnixNano": "when the process started, for those who look at metrics",
	"cmd/snorkyd/internal/supervisor/status.go UTC":  "a status that people read",
	"cmd/snorkyd/server/kept.go Unix":                "a deadline that is over, whatever the clock says",
}

// TestNoTimeIsMeasuredByTheWall reads the server, not what people run by hand.
func TestNoTimeIsMeasuredByTheWall(t *testing.T) {
	seen := make(map[string]bool)
	for _, file := range sources(t, ".go") {
		if strings.HasSuffix(file, "_test.go") || !runsForYears(file) {
			continue
		}
		for _, name := range wallReadings(t, file) {
			use := file + " " + name
			seen[use] = true
			if wallReasons[use] == "" {
				t.Errorf("%s: %s has no monotonic reading; measure with time.Since and time.Until of a time.Now, or say why here", file, name)
			}
		}
	}
	for use := range wallReasons {
		if !seen[use] {
			t.Errorf("%s is there no more", use)
		}
	}
}

func runsForYears(file string) bool {
	return slices.ContainsFunc([]string{"actors", "gateway", "backendapi", "cmd/snorkyd"}, func(folder string) bool {
		return within(file, folder)
	})
}

// wallReadings are the names of the calls that ask the clock of the wall.
func wallReadings(t *testing.T, file string) (names []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		name := f.Sel.Name
		of, _ := f.X.(*ast.Ident)
		ofTime := of != nil && of.Name == "time"
		switch {
		case ofTime && slices.Contains(wallFunctions, name),
			!ofTime && slices.Contains(wallMethods, name) && len(call.Args) == 0,
			slices.Contains(wallCalls, name),
			name == "Round" && len(call.Args) == 1 && isZero(call.Args[0]):
			names = append(names, name)
		}
		return true
	})
	return names
}

func isZero(e ast.Expr) bool {
	l, ok := e.(*ast.BasicLit)
	return ok && l.Value == "0"
}
