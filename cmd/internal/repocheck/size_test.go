package repocheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// A file has one subject, and a function fits on a screen. These are the
// limits beyond which that is no matter of taste any more.
const (
	mostLines         = 450
	mostFunctionLines = 80
)

func TestFilesAndFunctionsStaySmall(t *testing.T) {
	for _, name := range sources(t, ".go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(root, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(file) {
			continue
		}
		lines := func(n ast.Node) int { return set.Position(n.End()).Line - set.Position(n.Pos()).Line + 1 }
		if n := set.File(file.Pos()).LineCount(); n > mostLines {
			t.Errorf("%s has %d lines, more than %d: more than one subject?", name, n, mostLines)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && lines(f) > mostFunctionLines {
				t.Errorf("%s: %s has %d lines, more than %d", name, f.Name.Name, lines(f), mostFunctionLines)
			}
		}
	}
}
