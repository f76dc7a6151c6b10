package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blakesmith/ar"
)

const (
	testVersion = "0.0.7~test.1"
	testEpoch   = "1700000000"
)

// built are packages of this machine's architecture, made once for all tests.
var built = sync.OnceValues(func() (string, error) { return packagesIn("built") })

// packagesIn makes the packages as the command does, in a new folder.
func packagesIn(label string) (string, error) {
	folder, err := os.MkdirTemp("", "snorky-package-test-"+label)
	if err != nil {
		return "", err
	}
	return folder, build(context.Background(), []string{"-out", folder, "-version", testVersion}, io.Discard, io.Discard)
}

func TestMain(m *testing.M) {
	_ = os.Setenv("SOURCE_DATE_EPOCH", testEpoch)
	status := m.Run()
	if folder, err := built(); err == nil {
		_ = os.RemoveAll(folder)
	}
	os.Exit(status)
}

// packageFile is the file of that format.
func packageFile(t *testing.T, format string) string {
	t.Helper()
	folder, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return only(t, folder, format)
}

func only(t *testing.T, folder, format string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*."+format))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	return found[0]
}

// entry is a file of a package.
type entry struct {
	tar.Header
	text []byte
}

// debian are the two archives of a package for Debian, by the names of their files without "./" or "/" in front.
func debian(t *testing.T) (control, data map[string]entry) {
	t.Helper()
	f, err := os.Open(packageFile(t, "deb"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for r := ar.NewReader(f); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return control, data
		}
		if err != nil {
			t.Fatal(err)
		}
		switch header.Name {
		case "control.tar.gz":
			control = unpack(t, r)
		case "data.tar.gz":
			data = unpack(t, r)
		}
	}
}

func unpack(t *testing.T, r io.Reader) map[string]entry {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]entry{}
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.Trim(strings.TrimPrefix(header.Name, "."), "/")] = entry{*header, text}
	}
}

// wanted are the files of all packages that are not pages or documents, with their modes.
var wanted = map[string]int64{
	"usr/bin/snorky":                                   0o755,
	"usr/bin/snorkyd":                                  0o755,
	"etc/snorky/snorkyd.toml":                          0o644,
	"usr/lib/systemd/system/snorkyd.service":           0o644,
	"usr/lib/systemd/system/snorkyd-frontend.socket":   0o644,
	"usr/lib/systemd/system/snorkyd-backend.socket":    0o644,
	"usr/share/bash-completion/completions/snorky":     0o644,
	"usr/share/bash-completion/completions/snorkyd":    0o644,
	"usr/share/zsh/vendor-completions/_snorky":         0o644,
	"usr/share/zsh/vendor-completions/_snorkyd":        0o644,
	"usr/share/fish/vendor_completions.d/snorky.fish":  0o644,
	"usr/share/fish/vendor_completions.d/snorkyd.fish": 0o644,
	"usr/share/man/man1/snorky.1.gz":                   0o644,
	"usr/share/man/man1/snorky-publish.1.gz":           0o644,
	"usr/share/man/man1/snorky-bench-fanout.1.gz":      0o644,
	"usr/share/man/man5/snorkyd.toml.5.gz":             0o644,
	"usr/share/man/man8/snorkyd.8.gz":                  0o644,
}

func TestDebianContents(t *testing.T) {
	t.Parallel()
	control, data := debian(t)
	for name, mode := range wanted {
		if e, there := data[name]; !there || e.Mode != mode || len(e.text) == 0 {
			t.Errorf("%s: there %v, mode %o, %d bytes", name, there, e.Mode, len(e.text))
		}
	}
	for _, name := range []string{
		"copyright", "changelog.gz", "CHANGELOG.md.gz", "examples/key-by-path.conf", "ALERTS.md",
		"METRICS.md", "PROXIES.md", "prometheus/alerts.yml", "grafana/snorky.json", "proxies/nginx.conf", "proxies/nginx-stream.conf",
		"proxies/Caddyfile", "proxies/haproxy.cfg", "proxies/haproxy-tcp.cfg",
	} {
		if len(data["usr/share/doc/snorky/"+name].text) == 0 {
			t.Errorf("no %s", name)
		}
	}
	for name, e := range data {
		if e.Uid != 0 || e.Gid != 0 || e.Uname != "root" || e.Gname != "root" {
			t.Errorf("%s belongs to %d:%d, %s:%s", name, e.Uid, e.Gid, e.Uname, e.Gname)
		}
		if e.Typeflag == tar.TypeDir && e.Mode != 0o755 || e.Mode&0o022 != 0 {
			t.Errorf("%s has mode %o", name, e.Mode)
		}
		if e.Typeflag != tar.TypeDir && !e.ModTime.Equal(time.Unix(1700000000, 0)) {
			t.Errorf("%s is of %v", name, e.ModTime)
		}
		if strings.Contains(name, "key") && strings.HasPrefix(name, "etc") {
			t.Errorf("%s: a package has no keys in it", name)
		}
	}
	if got := strings.TrimSpace(string(control["conffiles"].text)); got != configFile {
		t.Errorf("conffiles %q", got)
	}
	for _, line := range []string{"Package: snorky", "Version: " + testVersion, "Maintainer: " + maintainer, "Section: net"} {
		if !strings.Contains(string(control["control"].text), line+"\n") {
			t.Errorf("no %q in %s", line, control["control"].text)
		}
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		if e := control[script]; e.Mode != 0o755 || !bytes.HasPrefix(e.text, []byte("#!/bin/sh\n")) {
			t.Errorf("%s: mode %o, %q", script, e.Mode, e.text)
		}
	}
	if sources := read(t, "../snorkyd.toml"); string(data["etc/snorky/snorkyd.toml"].text) != sources {
		t.Error("the configuration is not deploy/snorkyd.toml")
	}
}

func TestRPMContents(t *testing.T) {
	t.Parallel()
	file := packageFile(t, "rpm")
	query := func(format string) string {
		return output(t, "rpm", "--nosignature", "--dbpath", t.TempDir(), "-qp", "--qf", format, file)
	}
	listed := map[string][]string{}
	for line := range strings.Lines(query(`[%{FILENAMES}\t%{FILEMODES:octal}\t%{FILEUSERNAME}:%{FILEGROUPNAME}\t%{FILEFLAGS:fflags}\n]`)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		listed[strings.TrimPrefix(fields[0], "/")] = fields
		if fields[2] != "root:root" {
			t.Errorf("%s belongs to %s", fields[0], fields[2])
		}
	}
	for name, mode := range wanted {
		if f := listed[name]; f == nil || !strings.HasSuffix(f[1], map[int64]string{0o755: "100755", 0o644: "100644"}[mode]) {
			t.Errorf("%s: %q", name, f)
		}
	}
	if f := listed["etc/snorky/snorkyd.toml"]; f == nil || f[3] != "cn" { // config, noreplace
		t.Errorf("the configuration: %q", f)
	}
	if listed["usr/share/licenses/snorky/LICENSE"] == nil {
		t.Error("no license")
	}
	if got := query(`%{NAME} %{VERSION} %{SUMMARY}`); got != name+" "+testVersion+" "+summary {
		t.Errorf("%q", got)
	}
	for _, tag := range []string{"POSTIN", "PREUN", "POSTUN"} {
		if text := query("%{" + tag + "}"); !strings.Contains(text, "daemon-reload") && !strings.Contains(text, "stop") {
			t.Errorf("%s: %q", tag, text)
		}
	}
}

// The same sources give the same bytes, in whatever folder and whenever.
func TestPackagesAreReproducible(t *testing.T) {
	t.Parallel()
	again, err := packagesIn("again")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(again) }()
	for _, format := range []string{"deb", "rpm"} {
		if read(t, packageFile(t, format)) != read(t, only(t, again, format)) {
			t.Errorf("two %s of one version differ", format)
		}
	}
}

func TestProgramsAreStaticAndSayTheirVersion(t *testing.T) {
	t.Parallel()
	_, data := debian(t)
	for _, program := range []string{"snorky", "snorkyd"} {
		text := data["usr/bin/"+program].text
		binary, err := elf.NewFile(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if libraries, err := binary.ImportedLibraries(); err == nil && len(libraries) > 0 || binary.Section(".interp") != nil {
			t.Errorf("%s wants %q", program, libraries)
		}
		for _, path := range []string{mustAbs(t, "../.."), os.Getenv("HOME") + "/"} {
			if len(path) > 5 && bytes.Contains(text, []byte(path)) {
				t.Errorf("%s has %s in it", program, path)
			}
		}
		file := filepath.Join(t.TempDir(), program)
		if err := os.WriteFile(file, text, 0o755); err != nil {
			t.Fatal(err)
		}
		arg := map[string]string{"snorky": "version", "snorkyd": "-version"}[program]
		if got := output(t, file, arg); !strings.HasPrefix(got, program+" v0.0.7-test.1 (") {
			t.Errorf("%q", got)
		}
	}
}

// The scripts, the pages and the units speak of the same files.
func TestUnitsNameWhatIsInstalled(t *testing.T) {
	t.Parallel()
	control, data := debian(t)
	service := string(data["usr/lib/systemd/system/snorkyd.service"].text)
	for _, line := range []string{"ExecStart=/usr/bin/snorkyd", "Environment=SNORKY_CONFIG=" + configFile, "LoadCredential=key:" + keyFile, "AssertFileNotEmpty=" + keyFile} {
		if !strings.Contains(service, "\n"+line+"\n") {
			t.Errorf("the unit lacks %q", line)
		}
	}
	if script := string(control["postinst"].text); !strings.Contains(script, "\nkey="+keyFile+"\n") {
		t.Error("postinst has another key")
	}
	if text := read(t, "scripts/rpm/post"); !strings.Contains(text, "\nkey="+keyFile+"\n") {
		t.Error("the RPM has another key")
	}
	for name, e := range data {
		if strings.HasSuffix(name, ".socket") && !strings.Contains(string(e.text), "\nAssertFileNotEmpty="+keyFile+"\n") {
			t.Errorf("%s listens without a key", name)
		}
		if unit, is := strings.CutPrefix(name, "usr/lib/systemd/system/"); is && e.Typeflag == tar.TypeReg {
			for _, script := range []string{"prerm", "postrm"} {
				if !strings.Contains(string(control[script].text), unit) {
					t.Errorf("%s forgets %s", script, unit)
				}
			}
		}
	}
}

func TestScriptsAreGoodShell(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("scripts/*/*")
	if err != nil || len(found) != 6 {
		t.Fatalf("%q, %v", found, err)
	}
	for _, file := range found {
		output(t, "sh", "-n", file)
	}
	output(t, "shellcheck", append([]string{"--shell=sh"}, found...)...)
}

func TestManualPagesAreClean(t *testing.T) {
	t.Parallel()
	_, data := debian(t)
	var pages []string
	for name, e := range data {
		if !strings.HasPrefix(name, "usr/share/man/") || e.Typeflag != tar.TypeReg {
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(e.text))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(name), ".gz"))
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		pages = append(pages, file)
	}
	output(t, "mandoc", append([]string{"-Tlint", "-Wwarning"}, pages...)...)
	at := slices.IndexFunc(pages, func(file string) bool { return filepath.Base(file) == "snorkyd.8" })
	shown := regexp.MustCompile(`.\x08`).ReplaceAllString(output(t, "mandoc", "-Tascii", pages[at]), "")
	for _, text := range []string{"SNORKYD(8)", "-max-connections-per-address NUMBER", "SNORKY_LOG_LEVEL", "snorkyd.toml(5)", keyFile} {
		if !strings.Contains(shown, text) {
			t.Errorf("snorkyd(8) does not show %q", text)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// output is what a program prints, which has to succeed. Where there is no such program the test is left out.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("there is no %s", program)
	}
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}
