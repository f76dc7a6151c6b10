package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/goreleaser/nfpm/v2/files"

	"github.com/snorky-go/snorky/deploy/package/completion"
	"github.com/snorky-go/snorky/deploy/package/manual"
)

const (
	name      = "snorky"
	docFolder = "/usr/share/doc/" + name
)

// fill makes everything that the packages of all formats hold.
func (s *stage) fill(ctx context.Context, arch string) error {
	for _, part := range []func(context.Context, string) error{
		s.programs, s.configuration, s.manualPages, s.completions, s.documents,
	} {
		if err := part(ctx, arch); err != nil {
			return err
		}
	}
	return nil
}

// programs builds them: static, without the paths of this machine, and the same for the same sources.
func (s *stage) programs(ctx context.Context, arch string) error {
	for _, program := range []string{"snorkyd", "snorky"} {
		file := filepath.Join(s.folder, program)
		if err := s.goBuild(ctx, arch, program, file); err != nil {
			return err
		}
		s.add(files.TypeFile, file, "/usr/bin/"+program, 0o755)
	}
	return nil
}

func (s *stage) goBuild(ctx context.Context, arch, program, file string) error {
	_, err := run(ctx, s.root, []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch, "GOFLAGS="}, "go", "build", "-trimpath",
		"-buildvcs=false", "-ldflags", "-s -w -X main.release="+release(s.version), "-o", file, "./cmd/"+program)
	return err
}

func (s *stage) configuration(context.Context, string) error {
	s.contents = append(s.contents, &files.Content{
		Type: files.TypeDir, Destination: configFolder,
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: 0o755, MTime: s.made},
	})
	s.add(files.TypeConfigNoReplace, s.source("deploy/snorkyd.toml"), configFile, 0o644)
	for _, pattern := range []string{"deploy/systemd/*.service", "deploy/systemd/*.socket"} {
		if err := s.addAll(pattern, "/usr/lib/systemd/system"); err != nil {
			return err
		}
	}
	return s.addAll("deploy/systemd/drop-in/*.conf", docFolder+"/examples")
}

// native is a snorky that runs here, whatever the packages are built for.
func (s *stage) native(ctx context.Context, arch string) (string, error) {
	if runtime.GOOS == "linux" && arch == runtime.GOARCH {
		return filepath.Join(s.folder, "snorky"), nil
	}
	file := filepath.Join(s.folder, "snorky-here")
	_, err := run(ctx, s.root, []string{"CGO_ENABLED=0"}, "go", "build", "-o", file, "./cmd/snorky")
	return file, err
}

func (s *stage) manualPages(ctx context.Context, arch string) error {
	snorky, err := s.native(ctx, arch)
	if err != nil {
		return err
	}
	description, err := run(ctx, s.root, nil, snorky, "describe")
	if err != nil {
		return err
	}
	of, at := manual.Edition{Version: s.version, Date: s.made}, manual.Paths{Config: configFile, Key: keyFile}
	pages, err := manual.Snorky(of, description)
	if err != nil {
		return err
	}
	for _, page := range append(pages, manual.Snorkyd(of, at), manual.SnorkydTOML(of, at)) {
		section := page.Name[len(page.Name)-1:]
		if err := s.compress("/usr/share/man/man"+section+"/"+page.Name, page.Roff); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) completions(ctx context.Context, arch string) error {
	snorky, err := s.native(ctx, arch)
	if err != nil {
		return err
	}
	for _, shell := range []struct {
		name, folder, file string
		server             []byte
	}{
		{"bash", "/usr/share/bash-completion/completions/", "%s", completion.Bash()},
		{"zsh", "/usr/share/zsh/vendor-completions/", "_%s", completion.Zsh()},
		{"fish", "/usr/share/fish/vendor_completions.d/", "%s.fish", completion.Fish()},
	} {
		client, err := run(ctx, s.root, nil, snorky, "completion", shell.name)
		if err != nil {
			return err
		}
		if err := s.write(shell.folder+fmt.Sprintf(shell.file, "snorky"), client); err != nil {
			return err
		}
		if err := s.write(shell.folder+fmt.Sprintf(shell.file, "snorkyd"), shell.server); err != nil {
			return err
		}
	}
	return nil
}

// copyright is in the form that Debian reads.
const copyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Snorky
Source: https://github.com/snorky-go/snorky

Files: *
Copyright: 2026 The Snorky authors
License: Apache-2.0
 On Debian systems the full text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
`

func (s *stage) documents(context.Context, string) error {
	changes, err := os.ReadFile(s.source("CHANGELOG.md"))
	if err != nil {
		return err
	}
	if err := s.compress(docFolder+"/CHANGELOG.md", changes); err != nil {
		return err
	}
	// For operators, in the folders of the sources, since they name one another so.
	for _, d := range []struct{ pattern, folder string }{
		{"deploy/*.md", ""},
		{"deploy/prometheus/*.yml", "/prometheus"},
		{"deploy/grafana/*.json", "/grafana"},
		{"deploy/proxies/*", "/proxies"},
	} {
		if err := s.addAll(d.pattern, docFolder+d.folder); err != nil {
			return err
		}
	}
	return nil
}
