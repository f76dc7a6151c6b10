package config

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNothingGivenIsTheDefault(t *testing.T) {
	t.Parallel()
	got, err := snorkyd().Load(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Command{Config: Default()}); !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestStrongerSourceWins(t *testing.T) {
	t.Parallel()
	file := write(t, "snorky.toml", `
		max-subscriptions = 1
		loops = 1
		drain = "1s"
		allow-origin = ["https://file.example"]`)
	env := []string{"SNORKY_LOOPS=2", "SNORKY_DRAIN=2s", "SNORKY_ALLOW_ORIGIN=https://a.example, https://b.example"}
	args := []string{"-config", file, "--drain=3s"}
	got, err := snorkyd().Load(args, env)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.MaxSubscriptions, want.Loops, want.Drain = 1, 2, 3*time.Second
	want.AllowOrigins = []string{"https://a.example", "https://b.example"}
	if !reflect.DeepEqual(got.Config, want) {
		t.Errorf("\n got %+v\nwant %+v", got.Config, want)
	}
}

func TestFileNamedByFlagWinsOverTheVariable(t *testing.T) {
	t.Parallel()
	one, two := write(t, "1.toml", "loops = 1"), write(t, "2.toml", "loops = 2")
	env := []string{"SNORKY_CONFIG=" + one}
	for want, args := range map[int][]string{1: nil, 2: {"-config", two}} {
		got, err := snorkyd().Load(args, env)
		if err != nil || got.Config.Loops != want {
			t.Errorf("%v: loops %d, %v; want %d", args, got.Config.Loops, err, want)
		}
	}
}

func TestCommandLines(t *testing.T) {
	t.Parallel()
	with := func(change func(*Config)) Config {
		cfg := Default()
		change(&cfg)
		return cfg
	}
	tests := []struct {
		name string
		args []string
		want Command
	}{
		{"two dashes", []string{"--frontend", ":1"}, Command{Config: with(func(c *Config) { c.Frontend = ":1" })}},
		{"last one counts", []string{"-loops", "1", "-loops", "2"}, Command{Config: with(func(c *Config) { c.Loops = 2 })}},
		{"toggle", []string{"-portable", "-loops", "1"}, Command{Config: with(func(c *Config) { c.Portable, c.Loops = true, 1 })}},
		{"toggle off", []string{"-portable=false"}, Command{Config: Default()}},
		{
			"origins add up",
			[]string{"-allow-origin", "https://a.example", "-allow-origin", "capacitor://localhost"},
			Command{Config: with(func(c *Config) { c.AllowOrigins = []string{"https://a.example", "capacitor://localhost"} })},
		},
		{"check", []string{"-check-config", "-loops", "1"}, Command{Action: Check, Config: with(func(c *Config) { c.Loops = 1 })}},
		{"version", []string{"-version"}, Command{Action: Version, Config: Default()}},
		{"help", []string{"-help"}, Command{Action: Help, Config: Default()}},
		{"short help", []string{"-h"}, Command{Action: Help, Config: Default()}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := snorkyd().Load(test.args, nil)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("\n got %+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := []struct {
		name      string
		args, env []string
		want      string
	}{
		{"unknown flag", []string{"-frontent", ":1"}, nil, "unknown flag -frontent; did you mean -frontend?"},
		{"key as a flag", []string{"-key", "correct-horse-battery"}, nil, "unknown flag -key; did you mean -key-file?"},
		{"key as a flag, joined", []string{"-key=correct-horse-battery"}, nil, "unknown flag -key; did you mean -key-file?"},
		{"unlike anything", []string{"-zzzzzzzzz"}, nil, "unknown flag -zzzzzzzzz"},
		{"value missing", []string{"-frontend"}, nil, "flag needs an argument: -frontend"},
		{"no flag", []string{"run"}, nil, `unexpected argument "run"; settings are flags, as in -frontend :5800`},
		{"bad flag", []string{"-loops", "x"}, nil, `-loops: "x" is not a number`},
		{"bad variable", nil, []string{"SNORKY_LOOPS=x"}, `SNORKY_LOOPS: "x" is not a number`},
		{"password in no URL", []string{"-application-url", "htp://me:sesame@host/a?key=sesame"}, nil, `-application-url: "htp://...@host/a?..." is not a URL; write https://HOST/PATH`},
		{"password in less", nil, []string{"SNORKY_TOKEN_JWKS_URL=me:sesame//sesame@host"}, `SNORKY_TOKEN_JWKS_URL: "...@host" is not a URL; write https://HOST/PATH`},
		{"hidden by a flag", []string{"-loops", "1"}, []string{"SNORKY_LOOPS=x"}, `SNORKY_LOOPS: "x" is not a number`},
		{"empty path is none, NUL is", []string{"-key-file", "a\x00b"}, nil, `-key-file: "a\x00b" is not the name of a file`},
		{"file missing", []string{"-config", "/nowhere/x.toml"}, nil, `configuration file "/nowhere/x.toml": no such file or directory`},
		{"file is a directory", []string{"-config", dir}, nil, `configuration file "` + dir + `": is a directory`},
		{"file is a device", []string{"-config", "/dev/null"}, nil, `configuration file "/dev/null": is not a regular file`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := snorkyd().Load(test.args, test.env)
			if err == nil || err.Error() != test.want || !IsError(err) {
				t.Errorf("\n got %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestVariablesThatAreNoSettings(t *testing.T) {
	t.Parallel()
	env := []string{
		"SNORKY_SERVICE_HOST=10.0.0.1", "SNORKY_PORT=tcp://10.0.0.1:5800", // as Kubernetes sets them
		"SNORKY_LOOPS=", "SNORKY_CONFIG=", // empty is not set
		"PATH=/bin", "rubbish", "",
	}
	got, err := snorkyd().Load(nil, env)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"SNORKY_PORT", "SNORKY_SERVICE_HOST"}; !slices.Equal(got.Ignored, want) {
		t.Errorf("ignored %q, want %q", got.Ignored, want)
	}
	if !reflect.DeepEqual(got.Config, Default()) {
		t.Errorf("got %+v", got.Config)
	}
}

func TestProgramWithFlagsAndDefaultsOfItsOwn(t *testing.T) {
	t.Parallel()
	var key string
	loader := snorkyd()
	loader.Defaults.ReadLimit = 10 << 20
	loader.Flags = func(set *flag.FlagSet) { set.StringVar(&key, "key", "swordfish", "the `key` itself") }
	got, err := loader.Load([]string{"-key", "plaice"}, nil)
	if err != nil || key != "plaice" || got.Config.ReadLimit != 10<<20 {
		t.Errorf("key %q, read limit %d, %v", key, got.Config.ReadLimit, err)
	}
	var help strings.Builder
	loader.Usage(&help)
	for _, want := range []string{"-key KEY\n        the key itself\n", "Default 10MiB. Variable SNORKY_READ_LIMIT."} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("help lacks %q", want)
		}
	}
}

func TestValidateJudgesWhatProgramsMake(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*Config){
		`read-limit: "0B" is not between 128B and 1GiB`:                                func(c *Config) { c.ReadLimit = 0 },
		`frontend: "" is not an address; write HOST:PORT or :PORT`:                     func(c *Config) { c.Frontend = "" },
		`log-format: "xml" is none of auto, json, journal, pretty`:                     func(c *Config) { c.LogFormat = "xml" },
		`application-url: "htp://...@a.example" is not a URL; write https://HOST/PATH`: func(c *Config) { c.ApplicationURL = "htp://me:sesame@a.example" },
		`application-timeout: needs application-url`:                                   func(c *Config) { c.ApplicationTimeout = time.Second },
		`application-headers: needs application-url`:                                   func(c *Config) { c.ApplicationHeaders = []string{"cookie"} },
		`application-connect: needs application-url`:                                   func(c *Config) { c.ApplicationConnect = true },
		`token-cookie: has no effect without cookie among the token-sources`: func(c *Config) {
			c.TokenSecretFile, c.TokenCookie = "secret", "id"
		},
		`token-jwks-refresh: needs token-jwks-url`: func(c *Config) {
			c.TokenSecretFile, c.TokenJWKSRefresh = "secret", time.Minute
		},
		`drain: "-1s" is not between 0s and 24h`:          func(c *Config) { c.Drain = -time.Second },
		`reconnect-spread: "6m" is not between 0s and 5m`: func(c *Config) { c.ReconnectSpread = 6 * time.Minute },
		`pubsub number 1: publish: "anyone" is none of everybody, authenticated, own, claim:NAME=VALUE, application, nobody`: func(c *Config) {
			c.PubSub = []PubSub{{Name: "a", Publish: "anyone", Backend: "b"}}
		},
		`pubsub number 1: name: is longer than 255 bytes`: func(c *Config) {
			c.PubSub = []PubSub{{Name: strings.Repeat("a", 256), Publish: Nobody, Backend: "b"}}
		},
		`allow-origin: "null" is not an origin; write https://HOST, https://HOST:PORT or "*"`: func(c *Config) {
			c.AllowOrigins = []string{"https://a.example", "null"}
		},
	}
	for want, change := range tests {
		cfg := Default()
		change(&cfg)
		if err := cfg.Validate(); err == nil || err.Error() != want || !IsError(err) {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
	}
	anyPorts := Default()
	anyPorts.Frontend, anyPorts.Backend = "127.0.0.1:0", "127.0.0.1:0"
	if err := anyPorts.Validate(); err != nil {
		t.Errorf("two free ports: %v", err)
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
