package gateway

import (
	"net/http"
	"strings"
	"testing"
)

func TestOrigins(t *testing.T) {
	list := []string{"https://app.example", "http://localhost:3000", "HTTPS://Upper.Example:443", "capacitor://localhost"}
	for _, c := range []struct {
		name    string
		policy  []string
		host    string
		origins []string
		want    bool
	}{
		{"no browser", nil, "app.example", nil, true},
		{"own host", nil, "app.example", []string{"http://app.example"}, true},
		{"own host by TLS", nil, "app.example", []string{"https://app.example"}, true},
		{"own host with port", nil, "app.example:8080", []string{"http://app.example:8080"}, true},
		{"own host, other case", nil, "App.Example", []string{"http://app.eXample"}, true},
		{"own host, default port", nil, "app.example:443", []string{"https://app.example"}, true},
		{"own address", nil, "[::1]:5800", []string{"http://[::1]:5800"}, true},
		{"other port", nil, "app.example:8080", []string{"http://app.example"}, false},
		{"default port of the other scheme", nil, "app.example:443", []string{"http://app.example"}, false},
		{"other host", nil, "app.example", []string{"https://evil.example"}, false},
		{"null", nil, "app.example", []string{"null"}, false},
		{"empty", nil, "app.example", []string{""}, false},
		{"file", nil, "app.example", []string{"file://"}, false},
		{"file with host", nil, "app.example", []string{"file://app.example"}, false},
		{"own host as a subdomain", nil, "app.example", []string{"http://app.example.evil.example"}, false},
		{"own host as an ending", nil, "app.example", []string{"http://evilapp.example"}, false},
		{"own host as a user", nil, "app.example", []string{"http://app.example@evil.example"}, false},
		{"evil as a user", nil, "app.example", []string{"http://evil.example@app.example"}, false},
		{"with path", nil, "app.example", []string{"http://app.example/"}, false},
		{"with query", nil, "app.example", []string{"http://app.example?"}, false},
		{"with fragment", nil, "app.example", []string{"http://app.example#"}, false},
		{"escaped", nil, "app.example", []string{"http://%61pp.example"}, false},
		{"no scheme", nil, "app.example", []string{"//app.example"}, false},
		{"no authority", nil, "app.example", []string{"http:app.example"}, false},
		{"only a host", nil, "app.example", []string{"app.example"}, false},
		{"two origins", nil, "app.example", []string{"http://app.example", "http://app.example"}, false},
		{"two in one header", nil, "app.example", []string{"http://app.example, http://evil.example"}, false},
		{"two, the second evil", nil, "app.example", []string{"http://app.example", "http://evil.example"}, false},
		{"another host's name", nil, "evil.example", []string{"http://evil.example"}, true},

		{"listed", list, "other.example", []string{"https://app.example"}, true},
		{"listed with port", list, "app.example", []string{"http://localhost:3000"}, true},
		{"listed in other case", list, "app.example", []string{"https://upper.example"}, true},
		{"listed with default port", list, "app.example", []string{"https://app.example:443"}, true},
		{"listed, other scheme", list, "app.example", []string{"capacitor://localhost"}, true},
		{"no browser, list", list, "app.example", nil, true},
		{"not listed, though own host", list, "evil.example", []string{"http://evil.example"}, false},
		{"scheme not listed", list, "app.example", []string{"http://app.example"}, false},
		{"port not listed", list, "app.example", []string{"https://app.example:8443"}, false},
		{"listed as a subdomain", list, "app.example", []string{"https://app.example.evil.example"}, false},
		{"null, list", list, "app.example", []string{"null"}, false},
		{"two listed", list, "app.example", []string{"https://app.example", "https://app.example"}, false},
		{"list of nothing valid", []string{"nonsense"}, "app.example", []string{"http://app.example"}, false},
		{"null is not listable", []string{"null"}, "app.example", []string{"null"}, false},

		{"everybody", []string{"*"}, "app.example", []string{"http://evil.example"}, true},
		{"everybody, null", []string{"*"}, "app.example", []string{"null"}, true},
		{"everybody and a list", []string{"https://app.example", "*"}, "a", []string{"http://evil.example"}, true},
		{"empty list is none", []string{}, "app.example", []string{"http://app.example"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &http.Request{Host: c.host, Header: http.Header{}}
			if c.origins != nil {
				r.Header["Origin"] = c.origins
			}
			if got := newOriginPolicy(c.policy).allows(r); got != c.want {
				t.Errorf("%q at %s: %v", c.origins, c.host, got)
			}
		})
	}
}

func TestValidateOrigin(t *testing.T) {
	for s, want := range map[string]bool{
		"*": true, "http://localhost": true, "https://app.example:8443": true, "http://[::1]:80": true, "ionic://localhost": true,
		"": false, "app.example": false, "null": false, "http://": false, "http://a/": false, "http://a b": false, "http://ü.example": false,
		"http://a:port": false, "https://*.example/x": false, "file://": false, "http://:80": false, "http://a\x00": false,
	} {
		err := ValidateOrigin(s)
		if (err == nil) != want {
			t.Errorf("%q: %v", s, err)
		}
		if err != nil && !strings.Contains(err.Error(), "scheme://host") {
			t.Errorf("%q: unhelpful %v", s, err)
		}
	}
}

// FuzzOrigin checks that no origin is admitted but the one that is listed, in whatever spelling.
func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"https://app.example", "https://APP.example:443", "https://app.example@evil", "null", "https://app.example\\.evil"} {
		f.Add(s)
	}
	policy := newOriginPolicy([]string{"https://app.example"})
	f.Fuzz(func(t *testing.T, origin string) {
		got := policy.allows(&http.Request{Host: "app.example", Header: http.Header{"Origin": {origin}}})
		want := strings.EqualFold(origin, "https://app.example") || strings.EqualFold(origin, "https://app.example:443")
		if got != want {
			t.Errorf("%q: %v", origin, got)
		}
	})
}
