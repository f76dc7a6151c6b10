package main

import (
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// The variables of the environment. The server has two of these names for settings of its own, and the values that it
// takes mean the same here.
const (
	envURL     = "SNORKY_URL"
	envBackend = "SNORKY_BACKEND"
	envKeyFile = "SNORKY_KEY_FILE"
	envKey     = "SNORKY_KEY"

	envTokenFile = "SNORKY_TOKEN_FILE" //nolint:gosec // where a token is, not one
	envToken     = "SNORKY_TOKEN"      //nolint:gosec // likewise
)

// The doors of a snorkyd without configuration, seen from the same machine.
const (
	defaultURL     = "ws://127.0.0.1:5800/ws"
	defaultBackend = "http://127.0.0.1:5801/backend"
	defaultTimeout = 10 * time.Second
)

// connecting are the flags of the commands that connect.
type connecting struct {
	url       string
	backend   string
	keyFile   string
	tokenFile string
	timeout   time.Duration
}

func (c *connecting) frontFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.url, "url", "", "frontend of the server; also "+envURL+" (default "+defaultURL+")")
	noFiles(cmd, "url")
	c.timeoutFlag(cmd)
}

func (c *connecting) backFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.backend, "backend", "", "backend of the server, a URL or an address as snorkyd takes it; also "+envBackend+" (default "+defaultBackend+")")
	cmd.Flags().StringVar(&c.keyFile, "key-file", "", "`file` with the backend's key; also "+envKeyFile+", or the key itself in "+envKey)
	noFiles(cmd, "backend")
	c.timeoutFlag(cmd)
}

func (c *connecting) timeoutFlag(cmd *cobra.Command) {
	if cmd.Flags().Lookup("timeout") == nil {
		cmd.Flags().DurationVar(&c.timeout, "timeout", defaultTimeout, "how long to wait for a connection, and for each answer")
		noFiles(cmd, "timeout")
	}
}

func (c *connecting) check() error {
	if c.timeout <= 0 {
		return misused("--timeout has to be more than 0", "Write a number with a unit, such as 500ms or 10s.")
	}
	return nil
}

func noFiles(cmd *cobra.Command, flag string) {
	choices(cmd, flag)
}

// choices makes the shell offer values for a flag, and no files.
func choices(cmd *cobra.Command, flag string, values ...string) {
	// It fails for flags that there are not, which any test of completion would find.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// setting is the first that is set of a flag, a variable of the environment and a default, and which one it was.
func setting(flag, given, variable, otherwise string) (value, source string) {
	if given != "" {
		return given, "--" + flag
	}
	if value := os.Getenv(variable); value != "" {
		return value, variable
	}
	return otherwise, "the default"
}

func (c *connecting) frontAddress() (string, error) {
	text, source := setting("url", c.url, envURL, defaultURL)
	return address(text, source, "/ws", defaultURL, map[string]string{"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"})
}

func (c *connecting) backAddress() (string, error) {
	text, source := setting("backend", c.backend, envBackend, defaultBackend)
	return address(text, source, "/backend", defaultBackend, map[string]string{"http": "http", "https": "https"})
}

// address completes what people leave out: the scheme, the host if it is this machine (as in the server's settings), and
// the path.
func address(text, source, path, example string, schemes map[string]string) (string, error) {
	wrong := func(why string) error {
		// The text itself is not shown: it may hold a password.
		return misused("the address in "+source+" cannot be used: "+why, "It has to look like "+example+".")
	}
	if !strings.Contains(text, "://") {
		scheme, _, _ := strings.Cut(example, "://")
		text = scheme + "://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", wrong("it is no URL")
	}
	scheme, known := schemes[u.Scheme]
	switch {
	case !known:
		return "", wrong("its scheme is " + u.Scheme)
	case u.Host == "":
		return "", wrong("it names no host")
	case u.Fragment != "":
		return "", wrong("it has a fragment")
	case u.User != nil && scheme[0] == 'w':
		return "", wrong("WebSockets know no user and password in it")
	}
	u.Scheme = scheme
	if u.Hostname() == "" {
		u.Host = "127.0.0.1" + u.Host
	}
	if u.Path == "" {
		u.Path = path
	}
	return u.String(), nil
}

// shown is an address without its password, and without what else it may have: tokens, for instance.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the server"
	}
	u.RawQuery = ""
	return u.Redacted()
}
