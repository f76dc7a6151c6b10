package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// anyOrigin admits every page.
const anyOrigin = "*"

var errOrigin = errors.New(`an origin is "*", scheme://host or scheme://host:port`)

// ValidateOrigin tells whether s may stand in Options.Origins.
func ValidateOrigin(s string) error {
	if s == anyOrigin {
		return nil
	}
	if _, _, ok := parseOrigin(s); !ok {
		return errOrigin
	}
	return nil
}

// originPolicy says which pages may connect. One without a list admits those of the host that the request asks for.
type originPolicy struct {
	everybody bool
	listed    map[string]bool // scheme://host in normal form; nil: no list
}

func newOriginPolicy(origins []string) originPolicy {
	var p originPolicy
	for _, s := range origins {
		if p.listed == nil {
			p.listed = map[string]bool{}
		}
		if s == anyOrigin {
			p.everybody = true
		} else if scheme, host, ok := parseOrigin(s); ok {
			p.listed[scheme+"://"+host] = true
		}
	}
	return p
}

func (p originPolicy) allows(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if p.everybody || len(origins) == 0 {
		return true
	}
	scheme, host, ok := parseOrigin(origins[0])
	switch {
	case !ok || len(origins) > 1:
		return false
	case p.listed != nil:
		return p.listed[scheme+"://"+host]
	}
	return (scheme == "http" || scheme == "https") && host == normalHost(scheme, r.Host)
}

// parseOrigin takes an origin apart, which consists of scheme, host and port and nothing else: neither a path nor a user
// who looks like a host.
func parseOrigin(s string) (scheme, host string, ok bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Hostname() == "" || !strings.EqualFold(s, u.Scheme+"://"+u.Host) {
		return "", "", false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f { // browsers write international names as Punycode
			return "", "", false
		}
	}
	return u.Scheme, normalHost(u.Scheme, u.Host), true
}

// normalHost spells a host, with or without a port, as browsers do.
func normalHost(scheme, host string) string {
	host = strings.ToLower(host)
	switch scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}
