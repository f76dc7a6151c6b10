package peer

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Workshop is where servers come from and where they keep their files while they run.
type Workshop struct {
	root   string // of the repository
	folder string // for what is built and for temporary files

	mu    sync.Mutex
	built map[string]bool
}

// OpenWorkshop makes a workshop for the repository with that root; Close it.
func OpenWorkshop(root string) (*Workshop, error) {
	root, err := filepath.Abs(root) // servers have working folders of their own
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "snorky-peers-")
	if err != nil {
		return nil, err
	}
	return &Workshop{root: root, folder: folder, built: make(map[string]bool)}, nil
}

// Close removes what was built.
func (w *Workshop) Close() error { return os.RemoveAll(w.folder) }

// module is the folder of this module.
func (w *Workshop) module() string {
	return filepath.Join(w.root, "cmd", "snorky", "internal", "bench", "peers")
}

// binary is where build puts a program.
func (w *Workshop) binary(name string) string { return filepath.Join(w.folder, name) }

// build builds a package of the module in a folder, once.
func (w *Workshop) build(ctx context.Context, folder, pkg, name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.built[name] {
		return nil
	}
	if _, err := run(ctx, folder, "go", "build", "-trimpath", "-o", w.binary(name), pkg); err != nil {
		return err
	}
	w.built[name] = true
	return nil
}

// temporary is a fresh folder for one run of a server.
func (w *Workshop) temporary(name string) (string, error) { return os.MkdirTemp(w.folder, name+"-") }

// run runs a command to its end and returns what it wrote to its standard output. The error ends in its complaints.
func run(ctx context.Context, folder, name string, args ...string) (string, error) {
	//nolint:gosec // what is run is said in this package
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = folder
	var output, complaints bytes.Buffer
	command.Stdout, command.Stderr = &output, &complaints
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(append([]string{name}, args...), " "), err,
			strings.TrimSpace(complaints.String()))
	}
	return output.String(), nil
}

// libraryVersion is that of a module which a Go program was built with.
func libraryVersion(program, module string) (string, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "", err
	}
	for _, dep := range info.Deps {
		if dep.Path == module {
			return strings.TrimPrefix(dep.Version, "v"), nil
		}
	}
	return "", fmt.Errorf("%s was built without %s", program, module)
}
