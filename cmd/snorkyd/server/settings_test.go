package server

import (
	"reflect"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

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
	cfg.AllowOrigins = []string{"*"}
	cfg.MaxConnections, cfg.MaxConnectionsPerAddress = 1, 1
	log := zerolog.New(nil)
	left := map[string]string{
		"LogInterval": "no operator wants another one",
	}
	for _, options := range []any{
		brokerOptions(cfg, log), gatewayOptions(cfg, log),
		backendOptions(cfg, [][]byte{{1}}, log), backendServerOptions(cfg, log),
	} {
		v := reflect.ValueOf(options)
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Field(i).IsZero() && left[name] == "" {
				t.Errorf("%s.%s is not set", v.Type(), name)
			}
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
