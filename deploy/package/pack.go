package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the format
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers the format
)

const (
	maintainer = "Snorky maintainers <snorky-go@users.noreply.github.com>"
	homepage   = "https://github.com/snorky-go/snorky"
	summary    = "live notifications for browsers"
	// details are wrapped as Debian wants it; RPM takes them as they are.
	details = `Browsers hold WebSockets and subscribe to channels; servers publish to all
subscribers of a channel by one HTTP request with a key. The package holds the
server, snorkyd, with units for systemd, and the command line, snorky.

No server is started before there is a key; what makes one is said when the
package is installed.`
)

//go:embed scripts
var scripts embed.FS

// pack writes the package of one format.
func (s *stage) pack(format, arch, out string) (string, error) {
	packager, err := nfpm.Get(format)
	if err != nil {
		return "", err
	}
	info, err := s.info(format, arch)
	if err != nil {
		return "", err
	}
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return "", err
	}
	file := filepath.Join(out, packager.ConventionalFileName(info))
	// Under another name until it is whole.
	w, err := os.Create(file + ".part")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(w.Name()) }()
	if err := packager.Package(info, w); err != nil {
		_ = w.Close()
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return file, os.Rename(w.Name(), file)
}

func (s *stage) info(format, arch string) (*nfpm.Info, error) {
	own, err := s.ofFormat(format)
	if err != nil {
		return nil, err
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: name, Arch: arch, Platform: "linux", Version: s.version, VersionSchema: "none", MTime: s.made,
		Section: "net", Priority: "optional", Maintainer: maintainer, Homepage: homepage, License: "Apache-2.0",
		Description: summary + "\n" + details,
	})
	info.Contents = own
	info.RPM.Group = "System Environment/Daemons"
	info.RPM.Summary = summary
	info.RPM.BuildHost = "localhost" // whoever builds, the bytes are the same
	switch format {
	case "deb":
		info.Scripts.PostInstall, err = s.script("deb/postinst")
		if err == nil {
			info.Scripts.PreRemove, err = s.script("deb/prerm")
		}
		if err == nil {
			info.Scripts.PostRemove, err = s.script("deb/postrm")
		}
	case "rpm":
		info.Description = details // the summary stands elsewhere
		info.Scripts.PostInstall, err = s.script("rpm/post")
		if err == nil {
			info.Scripts.PreRemove, err = s.script("rpm/preun")
		}
		if err == nil {
			info.Scripts.PostRemove, err = s.script("rpm/postun")
		}
	}
	return info, err
}

// script puts a script where nfpm reads it.
func (s *stage) script(name string) (string, error) {
	text, err := scripts.ReadFile("scripts/" + name)
	if err != nil {
		return "", err
	}
	file := filepath.Join(s.folder, filepath.Base(name))
	return file, os.WriteFile(file, text, 0o600)
}

// ofFormat are the contents with what only one format has.
func (s *stage) ofFormat(format string) (files.Contents, error) {
	common := s.contents
	defer func() { s.contents = common }()
	s.contents = append(files.Contents(nil), common...)
	switch format {
	case "deb":
		if err := s.write(docFolder+"/copyright", []byte(copyright)); err != nil {
			return nil, err
		}
		if err := s.compress(docFolder+"/changelog", s.debianChanges()); err != nil {
			return nil, err
		}
		if err := s.write("/usr/share/lintian/overrides/"+name, []byte(overrides)); err != nil {
			return nil, err
		}
	case "rpm":
		s.add(files.TypeRPMLicence, s.source("LICENSE"), "/usr/share/licenses/"+name+"/LICENSE", 0o644)
	}
	return s.contents, nil
}

// debianChanges points to the changelog, which is for all formats.
func (s *stage) debianChanges() []byte {
	return fmt.Appendf(nil, "%s (%s) unstable; urgency=medium\n\n  * What changed for users is in CHANGELOG.md.gz beside this file.\n\n -- %s  %s\n",
		name, s.version, maintainer, s.made.Format(time.RFC1123Z))
}

// overrides are the remarks of lintian that this package means to earn.
const overrides = `# deb-systemd-helper would keep a state of its own beside that of the administrator,
# who enables the service by the line that postinst shows; and nothing else knows
# how to forget that a unit that is gone had failed.
snorky: maintainer-script-calls-systemctl [*]
# Programs in Go that are built without cgo need no library.
snorky: statically-linked-binary [usr/bin/snorky]
snorky: statically-linked-binary [usr/bin/snorkyd]
`
