package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/gateway/client"
)

// liveHost is what the configurations in deploy/proxies call the site.
const liveHost = "live.example.com"

// proxied is snorkyd behind a proxy with TLS. The proxy is at 127.0.0.1, and so are its connections to snorkyd; clients
// are at other addresses of this machine, so that they can be told apart.
type proxied struct {
	*snorkyd
	args      []string // of snorkyd
	authority *trial.Authority
	address   string // of the proxy
	plain     string // where it speaks no TLS
	proxy     *exec.Cmd
	output    lockedBuffer
	ended     chan struct{}
}

// behind starts snorkyd and then the proxy, with the file of deploy/proxies in which these texts are replaced.
func behind(t *testing.T, k kindOfProxy, replaced map[string]string, args ...string) *proxied {
	t.Helper()
	k.needs(t)
	p := &proxied{
		args: append(args, k.args...), authority: trial.NewAuthority(t), ended: make(chan struct{}),
	}
	if !k.untrusted {
		p.args = append(p.args, "-trusted-proxies", "127.0.0.1")
	}
	p.snorkyd = prepare(t, p.args...).start()
	p.logged("started") // it may refuse who has no PROXY header
	p.address, p.plain = freePorts(t)
	cert, key := p.authority.Issue(time.Hour, liveHost)
	both := filepath.Join(t.TempDir(), "both.pem")
	join(t, both, cert, key)
	folder := t.TempDir()
	_ = os.Chmod(folder, 0o755) // workers of nginx are another user
	texts := map[string]string{
		"127.0.0.1:5800": p.front, "127.0.0.1:5801": p.back,
		"/etc/ssl/live.example.com.crt": cert, "/etc/ssl/live.example.com.key": key, "/etc/ssl/live.example.com.pem": both,
		"listen [::]:443 ssl;": "", "listen [::]:80;": "",
		"listen 443 ssl": "listen " + p.address + " ssl", "listen 80": "listen " + p.plain,
		"maxconn 30000": "maxconn 1000", // which the descriptors of a test allow
		"bind :443":     "bind " + p.address, "bind :80": "bind " + p.plain,
		"/run/nginx.pid": filepath.Join(folder, "pid"), "/var/log/nginx/error.log": filepath.Join(folder, "error.log"),
		"\nlive.example.com {\n": "\nhttps://live.example.com:" + port(p.address) + ", https://" + p.address + " {\n\tbind 127.0.0.1\n\ttls " + cert + " " + key + "\n",
		"\n{\n":                  "\n{\n\tadmin off\n\tskip_install_trust\n\thttp_port " + port(p.plain) + "\n",
	}
	file := filepath.Join(folder, k.file)
	copyFilled(t, filepath.Join("..", "..", "deploy", "proxies", k.file), file, texts, replaced)
	p.proxy = exec.CommandContext(context.WithoutCancel(t.Context()), k.program, k.command(file)...)
	p.proxy.Dir = folder
	p.proxy.Env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder)
	p.proxy.Stdout, p.proxy.Stderr = &p.output, &p.output
	if err := p.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.proxy.Wait()
	}()
	t.Cleanup(func() {
		_ = p.proxy.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(trial.Patience):
			_ = p.proxy.Process.Kill()
			<-p.ended
		}
	})
	defer func() {
		if t.Failed() {
			t.Logf("%s says:\n%s", k.name, p.output.String())
		}
	}()
	trial.Eventually(t, "the proxy serves", func() bool {
		select {
		case <-p.ended:
			log, _ := os.ReadFile(filepath.Join(folder, "error.log"))
			t.Fatalf("%s ended:\n%s\n%s", k.name, p.output.String(), log)
		default:
		}
		status, _, _ := p.get("127.0.0.2", "/healthz")
		return status == http.StatusOK
	})
	return p
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func join(t *testing.T, into string, files ...string) {
	t.Helper()
	var all []byte
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	if err := os.WriteFile(into, all, 0o600); err != nil {
		t.Fatal(err)
	}
}

// copyFilled copies a configuration. What the test replaces has to be there, lest it replaces nothing.
func copyFilled(t *testing.T, from, to string, usual, wanted map[string]string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for old, value := range wanted {
		if !strings.Contains(text, old) {
			t.Fatalf("%s has no %q", from, old)
		}
		text = strings.ReplaceAll(text, old, value)
	}
	var pairs []string
	for old, value := range usual {
		pairs = append(pairs, old, value)
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	for _, left := range []string{"/etc/ssl", ":580", "/var/log", "/run/"} {
		if at := strings.Index(text, left); at >= 0 && !strings.Contains(text[strings.LastIndexByte(text[:at], '\n')+1:at], "#") {
			t.Fatalf("%s still has %s", from, left)
		}
	}
	if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// tls is what clients need to know.
func (p *proxied) tls() *tls.Config {
	c := p.authority.Client()
	c.ServerName, c.NextProtos = liveHost, []string{"http/1.1"}
	return c
}

// dial opens a connection of TLS from an address of this machine.
func (p *proxied) dial(from string) (*tls.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: trial.Patience}
	return tls.DialWithDialer(&d, "tcp", p.address, p.tls())
}

// shake opens a WebSocket through the proxy.
func (p *proxied) shake(from string, lines ...string) (*trial.Socket, int) {
	p.t.Helper()
	conn, err := p.dial(from)
	if err != nil {
		return nil, 0
	}
	return trial.Shake(p.t, conn, liveHost, "", lines...)
}

// get makes a request through the proxy, and returns the answer's status and headers; 0 if there is none.
func (p *proxied) get(from, path string) (int, http.Header, string) {
	p.t.Helper()
	conn, err := p.dial(from)
	if err != nil {
		return 0, nil, ""
	}
	defer conn.Close()
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialTLSContext:    func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "https://"+liveHost+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport, Timeout: trial.Patience}).Do(request)
	if err != nil {
		return 0, nil, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(text)
}

// connect returns a client of ours, as users have it.
func (p *proxied) connect() *client.Client {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), trial.Patience)
	defer cancel()
	c, err := client.Dial(ctx, "wss://"+p.address+"/ws", client.Options{TLS: p.tls()})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	return c
}

// again starts snorkyd anew, where it was.
func (p *proxied) again() {
	p.t.Helper()
	next := prepare(p.t, p.args...)
	for i, arg := range next.cmd.Args {
		switch arg {
		case next.front:
			next.cmd.Args[i] = p.front
		case next.back:
			next.cmd.Args[i] = p.back
		}
	}
	next.front, next.back = p.front, p.back
	p.snorkyd = next.start()
	p.logged("started")
}

// kindOfProxy is one of the configurations in deploy/proxies.
type kindOfProxy struct {
	name, file string
	program    string
	present    func() error // nil: the program is enough
	command    func(file string) []string
	args       []string // of snorkyd
	// slow are the times that a WebSocket may lie idle, in the file, and the same much shorter.
	slow map[string]string
	http bool // it understands what it passes on
	// untrusted has snorkyd trust nobody.
	untrusted bool
	// reload has the proxy read its file again, which has to keep connections; nil: it does not.
	reload func(p *proxied) error
}

func (k kindOfProxy) needs(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath(k.program)
	if err == nil && k.present != nil {
		err = k.present()
	}
	if err != nil {
		t.Skipf("NOT TESTED: %s: %v; .ci/need installs it", k.name, err)
	}
}

func hangUp(p *proxied) error { return p.proxy.Process.Signal(syscall.SIGHUP) }

var errNoStream = errors.New("nginx has no module stream")

func hasStream() error {
	if _, err := os.Stat("/usr/lib/nginx/modules/ngx_stream_module.so"); err != nil {
		return errNoStream
	}
	return nil
}

func nginxCommand(file string) []string {
	return []string{"-p", filepath.Dir(file), "-c", file, "-g", "daemon off;"}
}

func haproxyCommand(file string) []string { return []string{"-W", "-f", file} }

var kindsOfProxy = []kindOfProxy{
	{
		name: "nginx", file: "nginx.conf", program: "nginx", command: nginxCommand, http: true, reload: hangUp,
		slow: map[string]string{"proxy_read_timeout 120s": "proxy_read_timeout 2s", "proxy_send_timeout 120s": "proxy_send_timeout 2s"},
	},
	{
		name: "nginx stream", file: "nginx-stream.conf", program: "nginx", present: hasStream, command: nginxCommand, reload: hangUp,
		args: []string{"-proxy-protocol", "required"}, slow: map[string]string{"proxy_timeout 120s": "proxy_timeout 2s"},
	},
	{
		name: "HAProxy", file: "haproxy.cfg", program: "haproxy", command: haproxyCommand, http: true,
		slow:   map[string]string{"timeout tunnel 120s": "timeout tunnel 2s"},
		reload: func(p *proxied) error { return p.proxy.Process.Signal(syscall.SIGUSR2) },
	},
	{
		name: "HAProxy TCP", file: "haproxy-tcp.cfg", program: "haproxy", command: haproxyCommand,
		args:   []string{"-proxy-protocol", "required"},
		slow:   map[string]string{"timeout client 120s": "timeout client 2s", "timeout server 120s": "timeout server 2s"},
		reload: func(p *proxied) error { return p.proxy.Process.Signal(syscall.SIGUSR2) },
	},
	{
		name: "Caddy", file: "Caddyfile", program: "caddy", http: true,
		command: func(file string) []string { return []string{"run", "--adapter", "caddyfile", "--config", file} },
	},
}

// everyProxy runs a test behind each of them.
func everyProxy(t *testing.T, test func(t *testing.T, k kindOfProxy)) {
	t.Parallel()
	for _, k := range kindsOfProxy {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

// check has the program look at its file, as operators do before a reload.
func (k kindOfProxy) check(file string) error {
	args := map[string][]string{
		"nginx": {"-t", "-p", filepath.Dir(file), "-c", file}, "haproxy": {"-c", "-f", file},
		"caddy": {"validate", "--adapter", "caddyfile", "--config", file},
	}[k.program]
	out, err := exec.Command(k.program, args...).CombinedOutput()
	if err == nil && k.program != "caddy" && bytes.Contains(bytes.ToLower(out), []byte("warn")) {
		err = errors.New("it warns")
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
