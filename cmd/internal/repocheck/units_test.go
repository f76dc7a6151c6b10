package repocheck

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/units"
	"github.com/coreos/go-systemd/v22/unit"
)

const (
	unitsFolder = "deploy/systemd"
	// maxExposure is what systemd-analyze security may say, in tenths.
	maxExposure = 12
)

// analyze runs systemd-analyze on the units, with drop-ins of the service. The
// program that the service starts is replaced by one that is there.
func analyze(t *testing.T, dropIns []string, args ...string) (string, error) {
	t.Helper()
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("NOT CHECKED: there is no systemd-analyze here, which knows whether the units are good")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, file := range unitFiles(t) {
		text := read(t, file)
		changed := strings.ReplaceAll(text, "ExecStart=/usr/bin/snorkyd\n", "ExecStart="+self+"\n")
		if filepath.Ext(file) == ".service" && changed == text {
			t.Errorf("%s does not start /usr/bin/snorkyd", file)
		}
		write(t, filepath.Join(dir, filepath.Base(file)), changed)
		args = append(args, filepath.Join(dir, filepath.Base(file)))
	}
	if args[0] == "security" { // it is about services only
		args = slices.DeleteFunc(args, func(arg string) bool { return filepath.Ext(arg) == ".socket" })
	}
	for _, name := range dropIns {
		write(t, filepath.Join(dir, "snorkyd.service.d", name), read(t, unitsFolder+"/drop-in/"+name))
	}
	cmd := exec.Command(tool, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "SYSTEMD_COLORS=0", "SYSTEMD_EMOJI=0", "SYSTEMD_PAGER=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func unitFiles(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(append(sources(t, ".service"), sources(t, ".socket")...), func(file string) bool {
		return !strings.HasPrefix(file, unitsFolder+"/")
	})
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// systemdVersion is that of systemd-analyze, such as 252.
func systemdVersion(t *testing.T) int {
	t.Helper()
	out, err := exec.Command("systemd-analyze", "--version").Output()
	if err != nil {
		return 0
	}
	version, _ := strconv.Atoi(regexp.MustCompile(`\d+`).FindString(string(out)))
	return version
}

func TestUnitsAreGood(t *testing.T) {
	for name, dropIns := range map[string][]string{
		"as they are":   nil,
		"key by path":   {"key-by-path.conf"},
		"notify-reload": {"notify-reload.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			if version := systemdVersion(t); name == "notify-reload" && version != 0 && version < 253 {
				t.Skipf("NOT CHECKED: notify-reload is for systemd 253 and later, this is %d", version)
			}
			out, err := analyze(t, dropIns, "verify")
			if err != nil || out != "" {
				t.Errorf("systemd-analyze verify: %v\n%s", err, out)
			}
		})
	}
}

// TestExposure holds the service to what systemd-analyze thinks of its
// sandbox. A drop-in that gives it a group costs a tenth.
func TestExposure(t *testing.T) {
	for name, test := range map[string]struct {
		dropIns []string
		most    int
	}{
		"as it is":    {nil, maxExposure},
		"key by path": {[]string{"key-by-path.conf"}, maxExposure + 1},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := analyze(t, test.dropIns, "security", "--offline=true", "--no-pager")
			found := regexp.MustCompile(`Overall exposure level for snorkyd\.service: (\d+)\.(\d)`).FindStringSubmatch(out)
			if err != nil || found == nil {
				t.Fatalf("systemd-analyze security: %v\n%s", err, out)
			}
			whole, _ := strconv.Atoi(found[1])
			tenth, _ := strconv.Atoi(found[2])
			if got := 10*whole + tenth; got > test.most {
				t.Errorf("exposure %d.%d, want %d.%d at most", whole, tenth, test.most/10, test.most%10)
			}
		})
	}
}

// options are the values of a unit's section; later lines come later.
func options(t *testing.T, file, section string) map[string][]string {
	t.Helper()
	all, err := unit.DeserializeOptions(strings.NewReader(read(t, unitsFolder+"/"+file)))
	if err != nil {
		t.Fatal(file, err)
	}
	values := map[string][]string{}
	for _, option := range all {
		if option.Section == section {
			values[option.Name] = append(values[option.Name], option.Value)
		}
	}
	return values
}

// TestServiceAgreesWithItself compares values that lie apart, and those that
// the program knows as well.
func TestServiceAgreesWithItself(t *testing.T) {
	service := options(t, "snorkyd.service", "Service")
	first := func(name string) string {
		if len(service[name]) != 1 {
			t.Fatalf("%s: %q", name, service[name])
		}
		return service[name][0]
	}
	size := func(text string) units.Base2Bytes {
		text = regexp.MustCompile(`([KMGT])(iB)?$`).ReplaceAllString(text, "${1}iB")
		n, err := units.ParseBase2Bytes(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	seconds := func(name string) time.Duration {
		n, err := strconv.Atoi(first(name))
		if err != nil {
			t.Fatal(name, err)
		}
		return time.Duration(n) * time.Second
	}
	var goLimit units.Base2Bytes
	for _, variable := range service["Environment"] {
		if text, is := strings.CutPrefix(variable, "GOMEMLIMIT="); is {
			goLimit = size(text)
		}
	}
	if high, most := size(first("MemoryHigh")), size(first("MemoryMax")); goLimit == 0 || goLimit >= high || high >= most {
		t.Errorf("GOMEMLIMIT=%v, MemoryHigh=%v, MemoryMax=%v", goLimit, high, most)
	}
	if first("RestartPreventExitStatus") != "78" { // that of a wrong configuration
		t.Errorf("RestartPreventExitStatus=%s", first("RestartPreventExitStatus"))
	}
	// The doors have 30 s to answer; as shipped, draining takes 5 s.
	if start, stop := seconds("TimeoutStartSec"), seconds("TimeoutStopSec"); start <= 30*time.Second || stop <= 10*time.Second {
		t.Errorf("TimeoutStartSec=%v, TimeoutStopSec=%v", start, stop)
	}
	sockets := strings.Fields(first("Sockets"))
	for door, file := range map[string]string{"frontend": "snorkyd-frontend.socket", "backend": "snorkyd-backend.socket"} {
		if !slices.Contains(sockets, file) {
			t.Errorf("the service does not take %s", file)
		}
		socket := options(t, file, "Socket")
		if name := socket["FileDescriptorName"]; len(name) != 1 || name[0] != door {
			t.Errorf("%s: FileDescriptorName=%q", file, name)
		}
		if name := socket["Service"]; len(name) != 1 || name[0] != "snorkyd.service" {
			t.Errorf("%s: Service=%q", file, name)
		}
	}
}
