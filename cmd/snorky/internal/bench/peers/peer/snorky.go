package peer

import (
	"context"
	"os"
	"path/filepath"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// snorky is snorkyd, built from the tree.
func snorky(name, title, setup string, args ...string) Kind {
	const program = "snorkyd"
	return Kind{
		Name: name, Title: title, Setup: setup,
		Prepare: func(ctx context.Context, w *Workshop) (string, error) {
			return "this tree", w.build(ctx, w.root, "./cmd/snorkyd", program)
		},
		Start: func(ctx context.Context, w *Workshop) (*Server, error) {
			return startSnorky(ctx, w, w.binary(program), args)
		},
	}
}

const snorkyKey = "swordfish-swordfish"

func startSnorky(ctx context.Context, w *Workshop, path string, args []string) (*Server, error) {
	addresses, err := freeAddresses(ctx, 2)
	if err != nil {
		return nil, err
	}
	folder, err := w.temporary("snorkyd")
	if err != nil {
		return nil, err
	}
	key := filepath.Join(folder, "key")
	if err := os.WriteFile(key, []byte(snorkyKey+"\n"), 0o600); err != nil {
		return nil, err
	}
	args = append([]string{"-frontend", addresses[0], "-backend", addresses[1], "-admin", "none", "-key-file", key}, args...)
	child, err := launch(ctx, program{path: path, args: args, folder: folder, awaits: addresses})
	if err != nil {
		return nil, err
	}
	spoken, err := bench.NewSnorky(bench.SnorkyOptions{
		URL:            webSocketURL(addresses[0], "/ws").String(),
		Backend:        httpURL(addresses[1], "/backend").String(),
		Key:            snorkyKey,
		Service:        "pubsub",
		BackendService: "pubsub_backend",
		Wait:           answerWithin,
	})
	if err != nil {
		child.stop()
		return nil, err
	}
	return &Server{spoken, child}, nil
}
