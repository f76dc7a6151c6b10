package peer

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

//go:embed nginx.conf.tmpl
var nginxConfig string

var nginxTemplate = template.Must(template.New("nginx.conf").Parse(nginxConfig))

// nginxSettings fill the template.
type nginxSettings struct {
	Module, Folder, Address string
	Workers                 int
	Root                    bool // the workers have to be told to stay who they are
}

// nchan is a module of nginx. Both are the system's, or what .ci/nchan unpacked.
func nchan(name, title string, workers int) Kind {
	return Kind{
		Name: name, Title: title,
		Setup: "buffers of 1,024 messages, 20,000 connections for each worker, keep-alive without end",
		Prepare: func(ctx context.Context, w *Workshop) (string, error) {
			found, err := findNginx(w)
			if err != nil {
				return "", err
			}
			child, address, err := startNginx(ctx, w, found, 1)
			if err != nil {
				return "", err
			}
			defer child.stop()
			return nchanVersion(ctx, found, address)
		},
		Start: func(ctx context.Context, w *Workshop) (*Server, error) {
			found, err := findNginx(w)
			if err != nil {
				return nil, err
			}
			child, address, err := startNginx(ctx, w, found, workers)
			if err != nil {
				return nil, err
			}
			return &Server{nchanPeer{address}, child}, nil
		},
	}
}

// nginx is where it was found.
type nginx struct{ program, module string }

func findNginx(w *Workshop) (nginx, error) {
	const module = "usr/lib/nginx/modules/ngx_nchan_module.so"
	if _, err := os.Stat("/var/lib/nginx"); err != nil {
		return nginx{}, fmt.Errorf("nginx with nchan does not start without this folder: %w", err)
	}
	unpacked := filepath.Join(w.root, ".tools", "nchan")
	for _, place := range []nginx{
		{filepath.Join(unpacked, "usr/sbin/nginx"), filepath.Join(unpacked, module)},
		{"/usr/sbin/nginx", "/" + module},
	} {
		_, err := os.Stat(place.module)
		if err == nil {
			_, err = os.Stat(place.program)
		}
		if err == nil {
			return place, nil
		}
	}
	return nginx{}, errors.New("there is no nginx with the module nchan; .ci/nchan unpacks Debian's")
}

// startNginx starts a master with its workers.
func startNginx(ctx context.Context, w *Workshop, found nginx, workers int) (*process, string, error) {
	addresses, err := freeAddresses(ctx, 1)
	if err != nil {
		return nil, "", err
	}
	folder, err := w.temporary("nchan")
	if err != nil {
		return nil, "", err
	}
	var config bytes.Buffer
	settings := nginxSettings{found.module, folder, addresses[0], workers, os.Getuid() == 0}
	if err := nginxTemplate.Execute(&config, settings); err != nil {
		return nil, "", err
	}
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, config.Bytes(), 0o600); err != nil {
		return nil, "", err
	}
	child, err := launch(ctx, program{
		path:   found.program,
		args:   []string{"-e", "stderr", "-p", folder, "-c", file},
		folder: folder,
		awaits: addresses,
	})
	return child, addresses[0], err
}

var nchanVersionLine = regexp.MustCompile(`(?m)^nchan version: ([\w.]+)`)

// nchanVersion asks a server that runs.
func nchanVersion(ctx context.Context, found nginx, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, httpURL(address, "/status").String(), nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	var status bytes.Buffer
	if _, err := status.ReadFrom(answer.Body); err != nil {
		return "", err
	}
	match := nchanVersionLine.FindSubmatch(status.Bytes())
	if match == nil {
		return "", fmt.Errorf("nchan does not tell its version: %s", status.String())
	}
	// nginx tells its own on the standard error.
	//nolint:gosec // the program is one of two known places
	about, err := exec.CommandContext(ctx, found.program, "-v").CombinedOutput()
	if err != nil {
		return "", err
	}
	_, version, _ := strings.Cut(strings.TrimSpace(string(about)), "nginx/")
	return fmt.Sprintf("%s (nginx %s)", match[1], version), nil
}

// nchanPeer subscribes by connecting to the URL of a channel. Messages come as they were published.
type nchanPeer struct{ address string }

func (p nchanPeer) Name() string          { return "nchan" }
func (p nchanPeer) SubscribeAddr() string { return p.address }
func (p nchanPeer) PublishAddr() string   { return p.address }
func (p nchanPeer) Control([]byte) []byte { return nil }
func (p nchanPeer) Close() []byte         { return goodbye() }

func (p nchanPeer) Subscribe(_ context.Context, conn net.Conn, br *bufio.Reader, channel string) error {
	return bench.Upgrade(conn, br, webSocketURL(p.address, "/subscribe/"+url.PathEscape(channel)), "")
}

func (p nchanPeer) NewPublisher(context.Context) (bench.Publisher, error) {
	return newPosters(func(channel string) bench.Endpoint {
		return bench.Endpoint{
			URL:    httpURL(p.address, "/publish/"+url.PathEscape(channel)),
			Header: http.Header{"Content-Type": {"application/json"}},
			Wait:   answerWithin,
		}
	}), nil
}
