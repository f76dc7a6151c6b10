package main

import "testing"

func TestVersionOfADescription(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ git, version, release string }{
		{"v1.2.3-0-gabc123", "1.2.3", "v1.2.3"},
		{"v1.2.3-7-gabc123", "1.2.3+7.gabc123", "v1.2.3+7.gabc123"},
		{"v1.2.3-0-gabc123-dirty", "1.2.3+0.gabc123.dirty", "v1.2.3+0.gabc123.dirty"},
		{"v1.2.3-rc.1-0-gabc123", "1.2.3~rc.1", "v1.2.3-rc.1"},
		{"v1.2.3-rc-2-9-gabc123-dirty", "1.2.3~rc.2+9.gabc123.dirty", "v1.2.3-rc.2+9.gabc123.dirty"},
		{"v0.0.0-217-gf413814ce1df", "0.0.0+217.gf413814ce1df", "v0.0.0+217.gf413814ce1df"},
	} {
		version, err := fromDescription(c.git)
		if err != nil || version != c.version || release(version) != c.release || checkVersion(version) != nil {
			t.Errorf("%s: %q, %q, %v, %v", c.git, version, release(version), err, checkVersion(version))
		}
	}
	for _, git := range []string{"", "abc123", "v1-0-gabc", "1.2.3-0-gabc", "v1.2.3", "v1.2.3-rc_1-0-gabc"} {
		if version, err := fromDescription(git); err == nil {
			t.Errorf("%q: %q", git, version)
		}
	}
}

func TestVersionsThatPackagersTake(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"1.2.3": true, "0.0.1~rc.1": true, "10.20.30+7.gabc.dirty": true,
		"": false, "1.2": false, "v1.2.3": false, "1.2.3-1": false, "1.2.3 ": false, "1.2.3;rm": false, "1.2.3\n": false, "latest": false,
	} {
		if err := checkVersion(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}
