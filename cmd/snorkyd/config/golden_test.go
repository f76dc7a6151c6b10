package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/limit"
)

func snorkyd() Loader {
	return Loader{Program: "snorkyd", About: "About it.", Defaults: Default()}
}

func rate(perSecond float64, burst int) limit.Rate {
	return limit.Rate{PerSecond: perSecond, Burst: burst}
}

func TestGoodFiles(t *testing.T) {
	t.Parallel()
	origins := Default()
	origins.AllowOrigins = []string{"*"}
	serviceless := Default()
	serviceless.PubSub = []PubSub{}
	hidden := Default()
	hidden.Admin = ""
	want := map[string]Config{
		"no-admin.toml":    hidden,
		"empty.toml":       Default(),
		"one-origin.toml":  origins,
		"no-services.toml": serviceless,
		"everything.toml": {
			Frontend: "0.0.0.0:8080", Backend: "[::1]:8081", Admin: "admin.example:8082", KeyFile: "/etc/snorky/key",
			AllowOrigins:   []string{"https://example.com", "http://localhost:3000"},
			TrustedProxies: []string{"10.0.0.0/8", "loopback"}, ProxyProtocol: ProxyOptional, BackendProxyProtocol: ProxyRequired,
			TLSCertFile: "/etc/snorky/tls.crt", TLSKeyFile: "/etc/snorky/tls.key",
			BackendTLSCertFile: "/etc/snorky/backend.crt", BackendTLSKeyFile: "/etc/snorky/backend.key",
			BackendTLSClientCAFile: "/etc/snorky/clients.crt",
			MaxConnections:         10000, MaxConnectionsPerAddress: 50, MaxChannelBytes: 64,
			ReadLimit: 1 << 20, MaxPendingBytes: 512 << 10,
			ConnectRatePerAddress: rate(5, 50), ConnectRatePerIdentity: rate(0.5, 1),
			CallRate: rate(50, 200), CallRatePerAddress: rate(500, 500), CallRatePerIdentity: rate(100, 400),
			PublishRate: rate(10, 20), PublishRatePerAddress: rate(100, 100), PublishRatePerIdentity: rate(20, 20),
			AcceptRate: rate(1000, 1000), MaxHandshakes: 100, MaxBackendConnections: 64, MaxMemory: 400 << 20,
			TokenSecretFile: "/etc/snorky/secret", TokenKeyFile: "/etc/snorky/public.pem", TokenJWKSFile: "/etc/snorky/keys.json",
			TokenJWKSURL: "https://app.example/keys", TokenJWKSRefresh: 10 * time.Minute,
			TokenAlgorithms: []string{"HS256", "RS256"}, TokenAudience: []string{"us"}, TokenIssuer: "https://app.example",
			TokenIdentityClaim: "user", TokenUnlimited: true, TokenSources: []string{SourceCookie, SourceSession}, TokenCookie: "id",
			RequireIdentity: true, AuthTimeout: 3 * time.Second, ExpiryNotice: time.Minute,
			ApplicationURL: "https://app.example/snorky", ApplicationConnect: true, ApplicationTimeout: time.Second,
			ApplicationMaxCalls: 10, ApplicationHeaders: []string{"Cookie", "X-Session"},
			MaxQueuedBytes: 2 << 20, MaxBacklogBytes: 8 << 20,
			SendBuffer: 64 << 10, WriteTimeout: 1500 * time.Millisecond, PongTimeout: 2 * time.Minute,
			HeaderTimeout: 3 * time.Second, IdleTimeout: time.Hour, MaxHeaderBytes: 16 << 10,
			BackendMaxBody: 2 << 20, BackendTimeout: 4 * time.Second, CallTimeout: 30 * time.Second,
			Loops: 3, Portable: true, ReconnectSpread: time.Minute, LogLevel: "debug", LogFormat: "json",
			PubSub: []PubSub{
				{Name: "chat room", Subscribe: Everybody, Publish: Everybody, Backend: "room"},
				{
					Name: "members", Subscribe: "claim:member", Publish: Authenticated, Backend: "members_backend",
					Channels: []Channel{
						{Pattern: "user:{identity}:*", Subscribe: Own, Publish: Nobody},
						{Pattern: "room:*", Subscribe: "claim:rooms={channel}", Publish: Application},
						{Pattern: "staff", Publish: `claim:levels=3`},
					},
				},
				{Name: "news", Subscribe: Everybody, Publish: Nobody, Backend: "news_backend"},
			},
			Messaging: []Plain{{"mail"}}, Chat: []Plain{{"chat"}, {"support"}}, Cursors: []Plain{{"cursors"}},
			DataSync: []DataSync{
				{
					"tasks", "tasks back", 90 * time.Second, 2 << 20, 100 << 20,
					[]Dealer{{"all", "Task", ToAll, ""}, {"by owner", "Task", ByKey, "owner"}, {"notes", "Note", ByFilter, ""}},
				},
				{"other", "other_backend", 2 * time.Minute, 1 << 20, 64 << 20, []Dealer{{"all", "Task", ToAll, ""}}},
			},
		},
	}
	files := testdata(t, "good")
	if len(files) != len(want) {
		t.Errorf("%d files, %d expectations", len(files), len(want))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			got, err := snorkyd().Load([]string{"-config", file}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want := want[filepath.Base(file)]; !reflect.DeepEqual(got.Config, want) {
				t.Errorf("\n got %+v\nwant %+v", got.Config, want)
			}
			if got.File != file || got.Action != Run {
				t.Errorf("File %q, Action %v", got.File, got.Action)
			}
		})
	}
}

// Each bad file has the error it leads to in its first line.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	for _, file := range testdata(t, "bad") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(text), "\n")
			want := strings.ReplaceAll(strings.TrimPrefix(first, "# "), "FILE", file)
			_, err = snorkyd().Load([]string{"-config", file}, nil)
			if err == nil || err.Error() != want {
				t.Fatalf("\n got %v\nwant %s", err, want)
			}
			if !IsError(err) {
				t.Errorf("%T is not told from a fault of the machine", err)
			}
		})
	}
}

func testdata(t *testing.T, kind string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", kind, "*.toml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	return files
}
