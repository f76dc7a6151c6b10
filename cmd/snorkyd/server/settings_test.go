package server

import (
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/limit"
)

var anyRate = limit.Rate{PerSecond: 1, Burst: 1}

// Zero is no limit in a Config, but stands for the default in the options of the packages.
func TestZeroIsNoLimit(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.PingInterval, cfg.PongTimeout, cfg.MaxSubscriptions, cfg.MaxChannelBytes = 0, 0, 0, 0
	got := brokerOptions(cfg, zerolog.Nop())
	if got.PingInterval >= 0 || got.PongTimeout >= 0 || got.MaxSubscriptions >= 0 || got.MaxChannelBytes >= 0 {
		t.Errorf("got %+v", got)
	}
}

// Every field of the packages' options is set from the configuration, or has a reason here not to be.
func TestEveryOptionIsASetting(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.Loops, cfg.Portable = 1, true
	cfg.AllowOrigins, cfg.TrustedProxies = []string{"*"}, []string{"loopback"}
	cfg.MaxConnections, cfg.MaxConnectionsPerAddress = 1, 1
	cfg.TokenSecretFile = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(cfg.TokenSecretFile, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.TokenJWKSURL, cfg.TokenIssuer, cfg.TokenUnlimited, cfg.RequireIdentity = "https://app.example", "app", true, true
	cfg.ApplicationURL = "https://app.example"
	cfg.TokenAlgorithms, cfg.TokenAudience = []string{"HS256"}, []string{"us"}
	cfg.ConnectRatePerAddress, cfg.ConnectRatePerIdentity, cfg.AcceptRate = anyRate, anyRate, anyRate
	cfg.CallRate, cfg.CallRatePerAddress, cfg.CallRatePerIdentity = anyRate, anyRate, anyRate
	cfg.PublishRate, cfg.PublishRatePerAddress, cfg.PublishRatePerIdentity = anyRate, anyRate, anyRate
	log := zerolog.New(nil)
	left := map[string]string{
		"LogInterval": "no operator wants another one",

		"gateway.Options.Authenticator":   "it is made of the verifier of tokens",
		"application.Options.MaxWaiting":  "no operator wants another one",
		"application.Options.MaxCached":   "no operator wants another one",
		"application.Options.MaxResponse": "no operator wants another one",
		"gateway.Options.RetryAfter":      "the server knows when it is over",
		"token.Options.RetryInterval":     "no operator wants another one",
		"token.Options.Timeout":           "it has to fit in AuthenticationTimeout",
		"token.Options.Transport":         "for tests",
		"token.Options.MaxBytes":          "max-header bounds it, too",
	}
	keys, err := cfg.ReadTokenKeys()
	if err != nil {
		t.Fatal(err)
	}
	for _, options := range []any{
		brokerOptions(cfg, log), gatewayOptions(cfg, log),
		backendOptions(cfg, [][]byte{{1}}, log), backendServerOptions(cfg, log), tokenOptions(cfg, keys, log),
		applicationOptions(cfg, "key", log), listenerOptions(cfg, http.NewServeMux()),
		brokerLimits(cfg), brokerLimits(cfg).Calls, brokerLimits(cfg).Publishes,
	} {
		v := reflect.ValueOf(options)
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Field(i).IsZero() && left[name] == "" && left[v.Type().String()+"."+name] == "" {
				t.Errorf("%s.%s is not set", v.Type(), name)
			}
		}
	}
}

// Handshakes that are judged leave room for others.
func TestJudgedHandshakesLeaveRoom(t *testing.T) {
	t.Parallel()
	for places, want := range map[int]int{1: 1, 16: 12, 200: 150, 1024: 768, 10_000: 1000} {
		cfg := Default()
		cfg.MaxHandshakes = places
		if got := gatewayOptions(cfg, zerolog.Nop()).MaxAuthenticating; got != want {
			t.Errorf("of %d places: %d", places, got)
		}
	}
}

func TestBackendWritesLongerThanItWaits(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.CallTimeout = time.Hour
	if got := backendServerOptions(cfg, zerolog.Nop()).WriteTimeout; got <= cfg.CallTimeout+cfg.BackendTimeout {
		t.Errorf("WriteTimeout %v", got)
	}
}
