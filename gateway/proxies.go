package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Words that stand for addresses in a list of proxies.
const (
	loopbackProxies = "loopback" // this machine
	unixProxies     = "unix"     // whoever comes by a Unix socket, and therefore has no address
)

var errProxy = errors.New("is neither an address nor a network; write 192.0.2.7, 10.0.0.0/8, 2001:db8::/32, loopback or unix")

// Proxies are those whose word about where a client is counts. The zero value is none: nobody is believed.
type Proxies struct {
	networks []netip.Prefix
	unix     bool
}

// ParseProxies makes Proxies of addresses, networks such as 10.0.0.0/8, "loopback" and "unix".
func ParseProxies(list []string) (p Proxies, err error) {
	for _, text := range list {
		if err := p.add(text); err != nil {
			return Proxies{}, fmt.Errorf("%q %w", text, err)
		}
	}
	return p, nil
}

// ValidateProxy tells whether s may stand in a list of proxies. Its error goes on where the text ends.
func ValidateProxy(s string) error { return new(Proxies).add(s) }

func (p *Proxies) add(text string) error {
	switch text {
	case loopbackProxies:
		p.networks = append(p.networks, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
		return nil
	case unixProxies:
		p.unix = true
		return nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return errProxy
		}
		network = netip.PrefixFrom(a, a.BitLen())
	}
	if network != network.Masked() {
		return fmt.Errorf("has bits behind the length of the network; write %v", network.Masked())
	}
	if a := network.Addr(); a.Is4In6() {
		if network.Bits() < 96 {
			return errProxy
		}
		network = netip.PrefixFrom(a.Unmap(), network.Bits()-96)
	}
	p.networks = append(p.networks, network)
	return nil
}

// None tells whether nobody is believed.
func (p Proxies) None() bool { return len(p.networks) == 0 && !p.unix }

// Trusts tells whether a is one of the proxies. The zero Addr is whoever has none, as on a Unix socket.
func (p Proxies) Trusts(a netip.Addr) bool {
	if !a.IsValid() {
		return p.unix
	}
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(p.networks, func(n netip.Prefix) bool { return n.Contains(a) })
}

// forwardedFor is the one header in which a proxy is believed. What RFC 7239 calls Forwarded is not read: a proxy that
// writes one of the two lets the other one pass as the client wrote it.
const forwardedFor = "X-Forwarded-For"

// Client returns where a request really comes from: its RemoteAddr, or what trusted proxies say in X-Forwarded-For. Each
// proxy adds at the right whom it talks to, so that is read from the right, up to the first address that is no trusted
// proxy. What stands further left is the client's own invention and not looked at.
//
// If the next entry is no address, the last one that was believed counts, which is that of a proxy; so clients about whom
// nothing is known share the limits of one address. The port is 0 where a proxy does not tell it. Without any address, as
// on a Unix socket whose peer is not trusted or tells none, the result is the zero value.
func (p Proxies) Client(r *http.Request) netip.AddrPort {
	return p.client(remoteAddress(r), r.Header)
}

func (p Proxies) client(at netip.AddrPort, h http.Header) netip.AddrPort {
	for _, line := range slices.Backward(h[forwardedFor]) {
		for rest := line; rest != ""; {
			if !p.Trusts(at.Addr()) {
				return at
			}
			var entry string
			rest, entry = cutLast(rest)
			if entry == "" {
				continue // a list may have empty elements, RFC 9110 section 5.6.1
			}
			next, ok := parseHop(entry)
			if !ok {
				return at
			}
			at = next
		}
	}
	return at
}

// cutLast takes the last element off a list with commas.
func cutLast(list string) (rest, last string) {
	if comma := strings.LastIndexByte(list, ','); comma >= 0 {
		rest, list = list[:comma], list[comma+1:]
	}
	return rest, strings.Trim(list, " \t")
}

// parseHop takes what proxies write: addresses of both kinds, with or without brackets and a port.
func parseHop(text string) (netip.AddrPort, bool) {
	if len(text) > len("[0000:0000:0000:0000:0000:ffff:255.255.255.255]:65535") {
		return netip.AddrPort{}, false
	}
	hop, err := netip.ParseAddrPort(text)
	if err != nil {
		bare := text
		if len(text) > 2 && text[0] == '[' && text[len(text)-1] == ']' {
			bare = text[1 : len(text)-1]
		}
		a, err := netip.ParseAddr(bare)
		if err != nil || bare != text && !a.Is6() {
			return netip.AddrPort{}, false
		}
		hop = netip.AddrPortFrom(a, 0)
	}
	if hop.Addr().Zone() != "" {
		return netip.AddrPort{}, false
	}
	return plainAddress(hop), true
}
