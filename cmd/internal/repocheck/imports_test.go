package repocheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestImportsGoOneWay reads every file, also those for other systems, and
// needs none of them to compile.
func TestImportsGoOneWay(t *testing.T) {
	for _, file := range sources(t, ".go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		l, ok := layerOf(path.Dir(file))
		if !ok {
			t.Errorf("%s: no layer says what it may import", file)
			continue
		}
		for _, pkg := range imports(t, file) {
			if reason := l.refuses(pkg); reason != "" {
				t.Errorf("%s imports %s: %s", file, pkg, reason)
			}
		}
	}
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, spec := range parsed.Imports {
		pkg, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, pkg)
	}
	return found
}

// TestWhatComesAlong looks at everything a package brings with it: a client
// that drags in the broker would be refused by nobody who looks at single
// imports.
func TestWhatComesAlong(t *testing.T) {
	for _, tt := range []struct {
		pkg string
		not []string // prefixes; "." is all but the standard library and the package itself
	}{
		{"actors/wire", []string{"."}},
		{"actors", []string{"github.com/gorilla", module + "/actors/services", module + "/gateway", module + "/backendapi", module + "/cmd"}},
		{"actors/actorstest", []string{"github.com/gorilla", module + "/actors/services", module + "/gateway", module + "/backendapi", module + "/cmd"}},
		{"actors/services", []string{"github.com/gorilla", module + "/gateway", module + "/backendapi", module + "/cmd"}},
		{"gateway", []string{module + "/actors/services", module + "/backendapi", module + "/cmd"}},
		{"gateway/client", []string{"github.com/asynkron", module + "/backendapi", module + "/cmd"}},
		{"backendapi", []string{"github.com/gorilla", module + "/actors/services", module + "/gateway", module + "/cmd"}},
		{"backendapi/client", []string{"github.com/asynkron", "github.com/gorilla", module + "/gateway", module + "/cmd"}},
		{"backendapi/application", []string{"github.com/asynkron", "github.com/gorilla", module + "/actors/services", module + "/gateway", module + "/cmd"}},
	} {
		t.Run(tt.pkg, func(t *testing.T) {
			for _, dep := range dependencies(t, tt.pkg) {
				for _, not := range tt.not {
					if not == "." && !dep.Standard && dep.ImportPath != module+"/"+tt.pkg || within(dep.ImportPath, not) {
						t.Errorf("%s comes along", dep.ImportPath)
					}
				}
			}
		})
	}
}

type dependency struct {
	ImportPath string
	Standard   bool
}

func dependencies(t *testing.T, folder string) []dependency {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard", "./"+folder)
	list.Dir = root
	var complaints bytes.Buffer
	list.Stderr = &complaints
	text, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, complaints.String())
	}
	var found []dependency
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var d dependency
		if err := decoder.Decode(&d); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		found = append(found, d)
	}
}

// TestLayersRefuse holds the table of layers itself to the design, since the
// other tests believe the table.
func TestLayersRefuse(t *testing.T) {
	own := func(pkg string) string { return module + "/" + pkg }
	for _, tt := range []struct {
		folder, pkg string
		refused     bool
	}{
		{"actors/wire", "encoding/json", false},
		{"actors/wire", "github.com/rs/zerolog", true},
		{"actors/wire", own("actors"), true},
		{"actors", own("actors/wire"), false},
		{"actors", own("actors/services"), true},
		{"actors", own("gateway"), true},
		{"actors", own("cmd/snorkyd/server"), true},
		{"actors", "github.com/asynkron/protoactor-go/actor", false},
		{"actors", "github.com/gorilla/websocket", true},
		{"actors", "flag", true},
		{"actors", own("actors/actorstest"), true},
		{"actors/actorstest", own("actors"), false},
		{"actors/actorstest", own("actors/wire"), false},
		{"actors/actorstest", own("actors/services"), true},
		{"actors/actorstest", own("gateway"), true},
		{"actors/actorstest", "github.com/asynkron/protoactor-go/actor", true},
		{"actors/services", own("actors"), false},
		{"actors/services", own("actors/actorstest"), true},
		{"actors/services", own("gateway"), true},
		{"actors/services", "github.com/asynkron/protoactor-go/actor", true},
		{"gateway", own("actors"), false},
		{"gateway", own("actors/services"), true},
		{"gateway", own("backendapi"), true},
		{"gateway", own("backendapi/client"), true},
		{"gateway", own("cmd/snorkyd/server"), true},
		{"gateway", "github.com/gorilla/websocket", false},
		{"gateway", "github.com/asynkron/protoactor-go/actor", true},
		{"gateway/client", own("actors/wire"), false},
		{"gateway/client", own("actors"), true},
		{"gateway/client", own("gateway"), true},
		{"gateway/js", own("backendapi"), true},
		{"backendapi", own("actors"), false},
		{"backendapi", own("gateway"), true},
		{"backendapi", own("gateway/client"), true},
		{"backendapi", "github.com/gorilla/websocket", true},
		{"backendapi", "flag", true},
		{"backendapi/client", own("backendapi"), true},
		{"backendapi/application", own("actors/wire"), false},
		{"backendapi/application", own("actors"), true},
		{"backendapi/application", own("backendapi"), true},
		{"backendapi/application", "github.com/gorilla/websocket", true},
		{"cmd/snorkyd", own("backendapi"), false},
		{"cmd/snorkyd/server", "github.com/gorilla/websocket", true},
		{"cmd/snorkyd/server", "flag", false},
		{"examples/demo", own("cmd/snorkyd/server"), false},
		{"examples/demo", "github.com/asynkron/protoactor-go/actor", true},
	} {
		l, ok := layerOf(tt.folder)
		if !ok {
			t.Errorf("%s has no layer", tt.folder)
			continue
		}
		if reason := l.refuses(tt.pkg); (reason != "") != tt.refused {
			t.Errorf("%s importing %s: refused %q, want refused: %v", tt.folder, tt.pkg, reason, tt.refused)
		}
	}
	if l, ok := layerOf("pkg/util"); ok {
		t.Errorf("pkg/util belongs to %q; a folder nobody thought of should belong to no layer", l.folder)
	}
}
