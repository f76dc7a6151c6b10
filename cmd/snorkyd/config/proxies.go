package config

import (
	"strings"

	"github.com/snorky-go/snorky/gateway"
)

// What is done about PROXY headers.
const (
	ProxyOff      = "off"
	ProxyOptional = "optional"
	ProxyRequired = "required"
)

var proxyPolicies = []string{ProxyOff, ProxyOptional, ProxyRequired}

// Proxies are the trusted ones. A list that Validate refuses is nobody.
func (c *Config) Proxies() gateway.Proxies {
	p, err := gateway.ParseProxies(c.TrustedProxies)
	if err != nil {
		return gateway.Proxies{}
	}
	return p
}

// validateProxies refuses PROXY headers that nobody may send.
func (c *Config) validateProxies() error {
	for _, door := range []struct{ name, policy string }{
		{"proxy-protocol", c.ProxyProtocol}, {"backend-proxy-protocol", c.BackendProxyProtocol},
	} {
		if door.policy != ProxyOff && len(c.TrustedProxies) == 0 {
			return Errorf("%s: needs trusted-proxies, which says whose header is believed", door.name)
		}
	}
	return nil
}

// proxies is a list of addresses and networks.
type proxies struct{ at *[]string }

func (v proxies) set(text string) error {
	if err := gateway.ValidateProxy(text); err != nil {
		return err
	}
	*v.at = append(*v.at, text)
	return nil
}

func (v proxies) String() string  { return strings.Join(*v.at, ",") }
func (v proxies) literal() string { return quotedList(*v.at) }
func (v proxies) unit() string    { return "NETWORK" }
func (v proxies) all() *[]string  { return v.at }
