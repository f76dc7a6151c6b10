//go:build systemd && linux

package boot

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const (
	key        = "/etc/snorky/key"
	configFile = "/etc/snorky/snorkyd.toml"
	service    = "snorkyd.service"
)

// environment is what .ci/systemd has prepared.
func environment(t *testing.T) (tree, packages, first, second string) {
	t.Helper()
	values := map[string]string{}
	for _, name := range []string{"SNORKY_TREE", "SNORKY_PACKAGES", "SNORKY_DEB", "SNORKY_NEXT_DEB"} {
		if values[name] = os.Getenv(name); values[name] == "" {
			t.Fatalf("%s is not set; run make test-systemd", name)
		}
	}
	return values["SNORKY_TREE"], values["SNORKY_PACKAGES"], "/packages/" + values["SNORKY_DEB"], "/packages/" + values["SNORKY_NEXT_DEB"]
}

// TestBoots tells whether a machine can be booted here.
func TestBoots(t *testing.T) {
	tree, packages, _, _ := environment(t)
	boot(t, tree, packages)
}

// TestSystemd is the life of one installation. Each step stands on those before it.
func TestSystemd(t *testing.T) {
	tree, packages, first, second := environment(t)
	l := &life{machine: boot(t, tree, packages), first: first, second: second}
	t.Logf("%s", l.do(t, "systemctl", "--version"))
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"install without a key: nothing starts and one line says how", l.installs},
		{"the line makes a key and starts: ready when both doors answer", l.starts},
		{"a publish reaches a subscriber", l.publishes},
		{"reload rotates keys", l.rotatesKeys},
		{"a reload of a wrong key changes nothing and says so", func(t *testing.T) { l.refuses(t, key, "short\n") }},
		{"a reload of a wrong configuration changes nothing and says so", func(t *testing.T) { l.refuses(t, configFile, "read-limit = \"a lot\"\n") }},
		{"restart under load: nobody is refused", l.restarts},
		{"SIGKILL under load: back, and no connect is refused", l.survivesKill},
		{"SIGSTOP: the watchdog restarts it", l.survivesStop},
		{"journald is killed: the same process goes on and logs", l.survivesJournald},
		{"a wrong configuration is tried once", l.failsOnce},
		{"upgrade under load: nobody is refused", l.upgrades},
		{"an upgrade without a running service starts nothing that is disabled", l.upgradesDisabled},
		{"reinstalled with a key it starts at once", l.reinstalls},
		{"remove and purge leave nothing", l.purges},
	} {
		if !t.Run(step.name, step.run) {
			log, _ := l.try("journalctl", "--no-pager", "-n", "40")
			state, _ := l.try("systemctl", "status", "--no-pager", "-n", "0", "snorkyd*")
			t.Logf("after %q\n%s\n%s", step.name, state, log)
		}
	}
}

type life struct {
	*machine
	first, second string // packages
	secret        string // the key in use
}

// oneLine is what the package said, which has to be one line, with the command in it.
func oneLine(t *testing.T, out string) (command string) {
	t.Helper()
	var said []string
	for line := range strings.Lines(out) {
		if strings.Contains(line, "snorky:") {
			said = append(said, strings.TrimSpace(line))
		}
	}
	if len(said) != 1 {
		t.Fatalf("%d lines:\n%s", len(said), out)
	}
	_, command, _ = strings.Cut(said[0], "at each boot:")
	return strings.TrimSpace(command)
}

func (l *life) idle(t *testing.T) {
	t.Helper()
	for _, name := range []string{service, "snorkyd-frontend.socket", "snorkyd-backend.socket"} {
		if u := l.show(t, name); u["ActiveState"] != "inactive" {
			t.Errorf("%s is %s", name, u["ActiveState"])
		}
	}
}

func (l *life) installs(t *testing.T) {
	out := l.do(t, "dpkg", "-i", l.first)
	t.Log(oneLine(t, out))
	l.idle(t)
	if out, err := l.try("systemctl", "start", "snorkyd"); err == nil {
		t.Errorf("it started without a key: %s", out)
	}
	l.idle(t)
	l.do(t, "systemctl", "reset-failed")
	l.do(t, "snorkyd", "-config", configFile, "-check-config")
}

func (l *life) starts(t *testing.T) {
	out := l.do(t, "dpkg", "-i", l.first) // a second time: the same line, and nothing else
	l.shell(t, oneLine(t, out))
	u := l.service(t)
	if u["ActiveState"] != "active" || !strings.Contains(u["StatusText"], "connections: 0") {
		t.Errorf("%s, %q", u["ActiveState"], u["StatusText"])
	}
	c := l.client()
	l.secret = l.do(t, "cat", key)
	if err := ask(context.Background(), c); err != nil {
		t.Error(err)
	}
	if err := publish(context.Background(), c, l.secret, "hello"); err != nil {
		t.Error(err)
	}
	if got := l.do(t, "stat", "-c", "%a %U:%G", key); got != "600 root:root" {
		t.Errorf("the key has %s", got)
	}
	if got := l.do(t, "systemctl", "is-enabled", service, "snorkyd-frontend.socket", "snorkyd-backend.socket"); got != "enabled\nenabled\nenabled" {
		t.Errorf("at the next boot: %s", got)
	}
	t.Logf("%s; exposure %s", u["StatusText"], tail(l.do(t, "systemd-analyze", "security", "--no-pager", service), 1))
}

func (l *life) publishes(t *testing.T) {
	lines := l.background(t, "snorky", "subscribe", "--json", "news")
	eventually(t, "the subscription in the status", func() bool {
		return strings.Contains(l.service(t)["StatusText"], "subscriptions: 1")
	})
	l.do(t, "env", "SNORKY_KEY_FILE="+key, "snorky", "publish", "news", `{"title":"Hello"}`)
	var got struct {
		Channel string
		Message struct{ Title string }
	}
	if err := json.Unmarshal([]byte(<-lines), &got); err != nil || got.Channel != "news" || got.Message.Title != "Hello" {
		t.Errorf("%+v, %v", got, err)
	}
}

func (l *life) dropIn(name string) string { return "/etc/systemd/system/snorkyd.service.d/" + name }

// reload has the service read its files again and returns the status, which then says how that went.
func (l *life) reload(t *testing.T) (status string) {
	t.Helper()
	outcome := func() string {
		status = l.service(t)["StatusText"]
		_, said, _ := strings.Cut(status, "reload at ")
		return said
	}
	before := outcome()
	// The status tells seconds: within one, a second reload may look like the first.
	eventually(t, "another second than that of the last reload", func() bool {
		return !strings.HasPrefix(before, l.do(t, "date", "-u", "+%Y-%m-%dT%H:%M:%SZ"))
	})
	l.do(t, "systemctl", "reload", service)
	eventually(t, "an outcome of the reload in the status", func() bool {
		now := outcome()
		return now != "" && now != before
	})
	return status
}

// rotatesKeys follows what the drop-in says.
func (l *life) rotatesKeys(t *testing.T) {
	ctx, c := context.Background(), l.client()
	l.shell(t, `groupadd --system --force snorky
		chgrp snorky `+key+` && chmod 640 `+key+`
		mkdir -p /etc/systemd/system/snorkyd.service.d
		cp /usr/share/doc/snorky/examples/key-by-path.conf `+l.dropIn("")+`
		systemctl daemon-reload
		systemctl restart snorkyd`)
	pid := l.service(t)["MainPID"]
	if err := publish(ctx, c, l.secret, "by path"); err != nil {
		t.Fatal(err)
	}
	rotate := func(lines string) {
		l.shell(t, `umask 077; printf '`+lines+`' >`+key+`.new; chgrp snorky `+key+`.new; chmod 640 `+key+`.new; mv `+key+`.new `+key)
		t.Log(l.reload(t))
	}
	next := l.do(t, "snorky", "key")
	rotate(next + `\n` + l.secret + `\n`)
	for _, valid := range []string{l.secret, next} {
		if err := publish(ctx, c, valid, "both"); err != nil {
			t.Error(err)
		}
	}
	rotate(next + `\n`)
	if err := publish(ctx, c, next, "new"); err != nil {
		t.Error(err)
	}
	if err := publish(ctx, c, l.secret, "old"); err == nil || !strings.Contains(err.Error(), "status 401") {
		t.Errorf("the key that was taken away: %v", err)
	}
	l.secret = next
	if now := l.service(t)["MainPID"]; now != pid {
		t.Errorf("a reload has made process %s of %s", now, pid)
	}
}

// refuses has the service reload a file that is wrong.
func (l *life) refuses(t *testing.T, file, wrong string) {
	pid, good := l.service(t)["MainPID"], l.do(t, "cat", file)
	l.shell(t, `printf '%s' '`+wrong+`' >`+file)
	if status := l.reload(t); !strings.Contains(status, file) {
		t.Errorf("the status does not name the file: %q", status)
	} else {
		t.Log(status)
	}
	if err := publish(context.Background(), l.client(), l.secret, "as before"); err != nil {
		t.Error(err)
	}
	l.write(t, file, good+"\n")
	l.reload(t)
	if u := l.service(t); u["MainPID"] != pid || u["ActiveState"] != "active" {
		t.Errorf("process %s of %s, %s", u["MainPID"], pid, u["ActiveState"])
	}
}

func (l *life) restarts(t *testing.T) {
	load := l.load(l.secret)
	for range 3 {
		load.flows(t)
		before := l.service(t)["MainPID"]
		l.do(t, "systemctl", "restart", service)
		l.up(t, before)
	}
	load.flows(t)
	load.end(t)
}

// survivesKill: those whose connection the process had taken lose it, but nobody is refused.
func (l *life) survivesKill(t *testing.T) {
	load := l.load(l.secret)
	load.mayLose = true
	for range 2 {
		load.flows(t)
		u := l.service(t)
		restarts := u.number(t, "NRestarts")
		l.do(t, "kill", "-KILL", u["MainPID"])
		l.up(t, u["MainPID"])
		if now := l.service(t).number(t, "NRestarts"); now != restarts+1 {
			t.Errorf("%d restarts after %d", now, restarts)
		}
	}
	load.flows(t)
	load.end(t)
}

func (l *life) survivesStop(t *testing.T) {
	before := l.service(t)
	l.do(t, "kill", "-STOP", before["MainPID"])
	l.up(t, before["MainPID"])
	after := l.service(t)
	if after.number(t, "NRestarts") != before.number(t, "NRestarts")+1 {
		t.Errorf("restarts: %s after %s", after["NRestarts"], before["NRestarts"])
	}
	if log := l.do(t, "journalctl", "--no-pager", "-u", service); !strings.Contains(log, "Watchdog timeout") {
		t.Errorf("it was not the watchdog:\n%s", tail(log, 20))
	}
	if err := publish(context.Background(), l.client(), l.secret, "again"); err != nil {
		t.Error(err)
	}
}

func (l *life) survivesJournald(t *testing.T) {
	pid, journald := l.service(t)["MainPID"], l.show(t, "systemd-journald.service")["MainPID"]
	l.do(t, "kill", "-KILL", journald)
	eventually(t, "another journald", func() bool {
		u := l.show(t, "systemd-journald.service")
		return u["ActiveState"] == "active" && u["MainPID"] != journald && u["MainPID"] != "0"
	})
	cursor := l.cursor(t)
	l.reload(t) // has it log
	eventually(t, "its lines in the new journal", func() bool {
		for line := range strings.Lines(l.since(t, cursor)) {
			if strings.Contains(line, "snorkyd["+pid+"]") && strings.Contains(line, "SIGHUP") {
				return true
			}
		}
		return false
	})
	if now := l.service(t)["MainPID"]; now != pid {
		t.Errorf("process %s of %s", now, pid)
	}
}

// cursor is the place in the journal behind which nothing stands yet.
func (l *life) cursor(t *testing.T) string {
	t.Helper()
	l.do(t, "journalctl", "--sync")
	_, cursor, found := strings.Cut(l.do(t, "journalctl", "--no-pager", "-n", "1", "--show-cursor"), "-- cursor: ")
	if !found {
		t.Fatal("the journal has no cursor")
	}
	return cursor
}

// since are the lines behind a cursor.
func (l *life) since(t *testing.T, cursor string) string {
	t.Helper()
	l.do(t, "journalctl", "--sync")
	return l.do(t, "journalctl", "--no-pager", "--after-cursor="+cursor)
}

func (l *life) failsOnce(t *testing.T) {
	good := l.do(t, "cat", configFile)
	l.write(t, configFile, "no-such-setting = 1\n")
	cursor := l.cursor(t)
	if out, err := l.try("systemctl", "restart", service); err == nil {
		t.Errorf("it has started: %s", out)
	}
	if u := l.service(t); u["ActiveState"] != "failed" || u["SubState"] != "failed" || u["ExecMainStatus"] != "78" {
		t.Errorf("%s (%s) with status %s", u["ActiveState"], u["SubState"], u["ExecMainStatus"])
	}
	log := l.since(t, cursor)
	if n := strings.Count(log, "Starting snorkyd.service"); n != 1 || strings.Contains(log, "Scheduled restart") {
		t.Errorf("%d starts:\n%s", n, log)
	}
	if !strings.Contains(log, "no-such-setting") {
		t.Errorf("nothing says what is wrong:\n%s", log)
	}
	l.write(t, configFile, good+"\n")
	l.do(t, "systemctl", "reset-failed", "snorkyd*")
	l.do(t, "systemctl", "start", service)
	if err := publish(context.Background(), l.client(), l.secret, "repaired"); err != nil {
		t.Error(err)
	}
}

func (l *life) upgrades(t *testing.T) {
	old := l.do(t, "snorkyd", "-version")
	load := l.load(l.secret)
	load.flows(t)
	before := l.service(t)["MainPID"]
	out := l.do(t, "dpkg", "-i", l.second)
	if strings.Contains(out, "snorky:") {
		t.Errorf("it has a key, and still: %s", out)
	}
	l.up(t, before)
	load.flows(t)
	load.end(t)
	if now := l.do(t, "snorkyd", "-version"); now == old {
		t.Errorf("still %s", now)
	} else {
		t.Logf("%s, then %s", old, now)
	}
	if got := l.do(t, "cat", key); got != l.secret {
		t.Error("the key is another one")
	}
}

func (l *life) upgradesDisabled(t *testing.T) {
	l.do(t, "systemctl", "disable", "--now", service, "snorkyd-frontend.socket", "snorkyd-backend.socket")
	l.do(t, "dpkg", "-i", l.second)
	l.idle(t)
	l.do(t, "systemctl", "enable", "--now", service)
	l.up(t, "")
}

func (l *life) reinstalls(t *testing.T) {
	l.do(t, "dpkg", "-r", "snorky")
	l.do(t, "test", "-s", key)
	l.do(t, "test", "-s", configFile)
	if left, _ := l.try("systemctl", "list-units", "--state=active,activating,failed", "--plain", "--no-legend", "snorkyd*"); left != "" {
		t.Errorf("still there: %s", left)
	}
	if _, err := l.dial(t.Context(), "tcp", frontend); err == nil {
		t.Error("somebody listens still")
	}
	l.do(t, "dpkg", "-i", l.second)
	l.up(t, "")
	if err := publish(context.Background(), l.client(), l.secret, "back"); err != nil {
		t.Error(err)
	}
}

func (l *life) purges(t *testing.T) {
	l.shell(t, "rm -r "+l.dropIn("")) // what the administrator made is not the package's
	l.do(t, "dpkg", "-P", "snorky")
	if left := l.do(t, "find", "/etc", "/usr", "/var", "/run", "-iname", "*snorky*", "-not", "-path", "/var/log/*"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
	if out, err := l.try("dpkg", "-s", "snorky"); err == nil {
		t.Errorf("dpkg knows it still: %s", out)
	}
	if failed := l.do(t, "systemctl", "--failed", "--plain", "--no-legend"); strings.Contains(failed, "snorky") {
		t.Error(failed)
	}
}

// TestWithoutSystemd has the package installed and purged where no systemd runs, as in the making of an image: with and
// without a key that was there before.
func TestWithoutSystemd(t *testing.T) {
	tree, packages, first, second := environment(t)
	script := `
dpkg -i ` + first + `
test "$(find /etc/systemd -name '*snorky*')" = ""
umask 077; snorky key >` + key + `
dpkg -i ` + second + ` | tee /tmp/said
! grep snorky: /tmp/said
test -s ` + key + `
dpkg -r snorky
test -s ` + key + `
dpkg -P snorky
test ! -e /etc/snorky
mkdir /etc/snorky; echo a-key-from-elsewhere >` + key + `
dpkg -i ` + first + `
test "$(find /etc/systemd -name '*snorky*' | wc -l)" = 3
touch /etc/snorky/secret
dpkg -P snorky
test "$(find /etc -name '*snorky*')" = /etc/snorky; test "$(ls /etc/snorky)" = secret # which is not ours
`
	out, err := exec.Command("systemd-nspawn", "--quiet", "--directory="+tree, "--volatile=overlay", "--register=no", "--keep-unit",
		"--private-network", "--console=pipe", "--bind-ro="+packages+":/packages", "sh", "-exc", script).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	oneLine(t, strings.SplitN(string(out), "umask 077\n", 2)[0])
}
