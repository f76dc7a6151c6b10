package repocheck

import (
	"slices"
	"strings"
)

const module = "github.com/snorky-go/snorky"

// A layer says what the packages of one folder and below may import outside of
// their tests. A package belongs to the layer with the longest folder.
type layer struct {
	folder  string
	stdOnly bool
	// inside are the packages of this module; "x/..." is x and all below it.
	inside []string
	// guarded are the libraries and packages of libraryHomes that it may use.
	guarded []string
}

// Data flows one way: wire <- actors <- {services, gateway, backendapi} <- cmd.
// Siblings do not know each other; cmd introduces them.
var layers = []layer{
	{folder: "actors/wire", stdOnly: true},
	{
		folder:  "actors",
		inside:  []string{"actors/limit", "actors/wire/...", "actors/internal/..."},
		guarded: []string{"github.com/asynkron", "log/slog"}, // protoactor logs to slog
	},
	{folder: "actors/limit"},
	{folder: "actors/actorstest", inside: []string{"actors", "actors/wire"}},
	{
		folder:  "actors/token",
		inside:  []string{"actors", "actors/wire/..."},
		guarded: []string{"github.com/go-jose"},
	},
	{folder: "actors/services", inside: []string{"actors", "actors/wire/..."}},
	{folder: "actors/services/datasync", inside: []string{"actors", "actors/wire/...", "actors/services/datasync/internal/filter"}},
	{folder: "actors/services/datasync/internal/filter", inside: []string{"actors/wire"}},
	{
		folder:  "gateway",
		inside:  []string{"actors", "actors/limit", "actors/wire/...", "gateway/..."},
		guarded: []string{"github.com/gorilla"},
	},
	{
		folder:  "gateway/client",
		inside:  []string{"actors/wire/..."},
		guarded: []string{"github.com/gorilla"},
	},
	{folder: "backendapi", inside: []string{"actors", "actors/limit", "actors/wire/...", "backendapi/..."}},
	{folder: "backendapi/client", inside: []string{"actors/wire/..."}},
	{folder: "backendapi/application", inside: []string{"actors/wire/..."}},
	{folder: "cmd", inside: []string{"..."}, guarded: []string{"flag", "log/slog"}},
	{folder: "deploy", inside: []string{"..."}, guarded: []string{"flag", "log/slog"}},
	{folder: "examples", inside: []string{"..."}, guarded: []string{"flag", "log/slog"}},
}

// guarded are imports that are refused where a layer does not name them: the
// libraries that have one home, and what only programs use. A guarded name
// with a dot covers all packages below it.
var guarded = []string{"github.com/asynkron", "github.com/gorilla", "github.com/go-jose", "flag", "log/slog"}

// layerOf finds the layer of a folder, given relative to the module's root.
func layerOf(folder string) (layer, bool) {
	var found layer
	for _, l := range layers {
		if within(folder, l.folder) && len(l.folder) > len(found.folder) {
			found = l
		}
	}
	return found, found.folder != ""
}

// refuses tells why the layer may not import the package; "" if it may.
func (l layer) refuses(pkg string) string {
	if own, ok := strings.CutPrefix(pkg+"/", module+"/"); ok {
		if covered(l.inside, strings.TrimSuffix(own, "/")) {
			return ""
		}
		return "it lies above " + l.folder + " or beside it"
	}
	if l.stdOnly {
		if standard(pkg) {
			return ""
		}
		return l.folder + " imports the standard library only"
	}
	for _, g := range guarded {
		if pkg == g || strings.Contains(g, ".") && within(pkg, g) {
			if !slices.Contains(l.guarded, g) {
				return g + " is not for " + l.folder
			}
		}
	}
	return ""
}

func covered(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if p == "..." {
			return true
		}
		folder, below := strings.CutSuffix(p, "/...")
		return pkg == folder || below && within(pkg, folder)
	})
}

// within tells whether a slash-separated path is the folder or lies below it.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// standard tells packages of the standard library by the rule of the go
// command: the first element of their path has no dot.
func standard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return !strings.Contains(first, ".")
}
