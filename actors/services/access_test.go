package services_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
)

func access(t testing.TB, r services.AccessRules) *services.Access {
	t.Helper()
	a, err := services.NewAccess(r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const (
	allow  = services.Allow
	refuse = services.Refuse
	unsure = services.AskApplication
)

func TestRules(t *testing.T) {
	const claims = `{"admin":true,"staff":1,"role":"editor","roles":["author","editor"],"level":3,"levels":[1,2.0],
		"team":{"name":"blue","lead":true,"rooms":["room:1"]},"https://a.example/roles":["x"],"team.name":"red",
		"rooms":["room:1","room:\u0032",7],"odd":{"b":1.0,"a":[]},"none":null,"twice":"no","twice":"yes"}`
	for _, test := range []struct {
		rule, pattern, identity, claims, channel string
		want                                     services.Decision
	}{
		{"everybody", "c", "", "", `"c"`, allow},
		{"nobody", "c", `"a"`, claims, `"c"`, refuse},
		{"application", "c", "", "", `"c"`, unsure},
		{"authenticated", "c", "", claims, `"c"`, refuse},
		{"authenticated", "c", `null`, claims, `"c"`, refuse},
		{"authenticated", "c", `0`, "", `"c"`, allow},
		{"authenticated", "c", `{"id":1}`, "", `"c"`, allow},

		{"own", "user:{identity}", `"ann"`, "", `"user:ann"`, allow},
		{"own", "user:{identity}", `"ann"`, "", `"us\u0065r:\u0061nn"`, allow},
		{"own", "user:{identity}", `"\u0061nn"`, "", `"user:ann"`, allow},
		{"own", "user:{identity}", `"ann"`, "", `"user:bob"`, refuse},
		{"own", "user:{identity}", `"ann"`, "", `"user:ann2"`, refuse},
		{"own", "user:{identity}", `"ann"`, "", `"user:"`, refuse},
		{"own", "user:{identity}", "", "", `"user:"`, refuse},
		{"own", "user:{identity}", "", "", `"user:null"`, refuse},
		{"own", "user:{identity}", `""`, "", `"user:"`, allow},
		{"own", "user:{identity}", `"*"`, "", `"user:ann"`, refuse},
		{"own", "user:{identity}", `"*"`, "", `"user:*"`, allow},
		{"own", "user:{identity}", `"{identity}"`, "", `"user:ann"`, refuse},
		{"own", "user:{identity}", `"{identity}"`, "", `"user:{identity}"`, allow},
		{"own", "user:{identity}", `"{channel}"`, "", `"user:user:x"`, refuse},
		{"own", "user:{identity}", `"a:b"`, "", `"user:a:b"`, allow},
		{"own", "user:{identity}", `"a"`, "", `"user:a:b"`, refuse},
		{"own", "user:{identity}", `"a\nb"`, "", `"user:a\u000ab"`, allow},
		{"own", "user:{identity}", `"\\u0061"`, "", `"user:a"`, refuse},
		{"own", "user:{identity}", `"Ann"`, "", `"user:ann"`, refuse},
		{"own", "user:{identity}", `"\ud83d\ude00"`, "", `"user:😀"`, allow},
		{"own", "user:{identity}", `"\ud83d"`, "", `"user:\ud83d"`, allow},
		{"own", "user:{identity}", `"\ud83d"`, "", `"user:\ud83e"`, refuse},
		{"own", "user:{identity}", `120`, "", `"user:120"`, allow},
		{"own", "user:{identity}", `1.2e2`, "", `"user:120"`, allow},
		{"own", "user:{identity}", `120`, "", `"user:12e1"`, refuse},
		{"own", "user:{identity}", `9007199254740993`, "", `"user:9007199254740992"`, refuse},
		{"own", "user:{identity}", `9007199254740993`, "", `"user:9007199254740993"`, allow},
		{"own", "user:{identity}", `true`, "", `"user:true"`, refuse},
		{"own", "user:{identity}", `["ann"]`, "", `"user:ann"`, refuse},
		{"own", "user:{identity}", `{"id":"ann"}`, "", `"user:{\"id\":\"ann\"}"`, refuse},
		{"own", "{identity}", `"ann"`, "", `"ann"`, allow},
		{"own", "{identity}/{identity}", `"a"`, "", `"a/a"`, allow},
		{"own", "{identity}/{identity}", `"a"`, "", `"a/b"`, refuse},
		{"own", "user:{identity}:*", `"a"`, "", `"user:a:mail"`, allow},
		{"own", "user:{identity}:*", `"a"`, "", `"user:a:mail:new"`, allow},
		{"own", "user:{identity}:*", `"a"`, "", `"user:a"`, refuse},
		{"own", "user:{identity}:*", `"a:b"`, "", `"user:a:b:mail"`, refuse}, // it is that of a
		{"own", "user:{identity}:*", `"*"`, "", `"user:a:mail"`, refuse},
		{"own", "u/{identity}é*/x", `"a"`, "", `"u/aé1/x"`, allow},
		{"own", "u/{identity}é*/x", `"a"`, "", `"u/aé1/y"`, refuse},

		{"claim:admin", "c", "", claims, `"c"`, allow},
		{"claim:admin", "c", "", "", `"c"`, refuse},
		{"claim:staff", "c", "", claims, `"c"`, refuse},
		{"claim:role", "c", "", claims, `"c"`, refuse},
		{"claim:none", "c", "", claims, `"c"`, refuse},
		{"claim:nothing", "c", "", claims, `"c"`, refuse},
		{"claim:admin", "c", "", `[true]`, `"c"`, refuse},
		{"claim:admin", "c", "", `{"admin":[true]}`, `"c"`, refuse},
		{"claim:admin=true", "c", "", claims, `"c"`, allow},
		{"claim:none=null", "c", "", claims, `"c"`, allow},
		{"claim:nothing=null", "c", "", claims, `"c"`, refuse},
		{"claim:role=editor", "c", "", claims, `"c"`, allow},
		{`claim:role="editor"`, "c", "", claims, `"c"`, allow},
		{"claim:role=edit", "c", "", claims, `"c"`, refuse},
		{"claim:role=*", "c", "", claims, `"c"`, refuse},
		{"claim:roles=editor", "c", "", claims, `"c"`, allow},
		{"claim:roles=owner", "c", "", claims, `"c"`, refuse},
		{`claim:roles=["author","editor"]`, "c", "", claims, `"c"`, allow},
		{"claim:level=3", "c", "", claims, `"c"`, allow},
		{"claim:level=3.0", "c", "", claims, `"c"`, allow},
		{`claim:level="3"`, "c", "", claims, `"c"`, refuse},
		{"claim:levels=2", "c", "", claims, `"c"`, allow},
		{`claim:odd={"a":[],"b":1}`, "c", "", claims, `"c"`, allow},
		{"claim:twice=yes", "c", "", claims, `"c"`, allow},
		{"claim:twice=no", "c", "", claims, `"c"`, refuse},
		{"claim:team.lead", "c", "", claims, `"c"`, allow},
		{"claim:team.name=red", "c", "", claims, `"c"`, allow},
		{"claim:team.name=blue", "c", "", claims, `"c"`, refuse},
		{"claim:https://a.example/roles=x", "c", "", claims, `"c"`, allow},
		{"claim:role.x=1", "c", "", claims, `"c"`, refuse},
		{"claim:rooms={channel}", "room:*", "", claims, `"room:1"`, allow},
		{"claim:rooms={channel}", "room:*", "", claims, `"room:2"`, allow},
		{"claim:rooms={channel}", "room:*", "", claims, `"room:\u0031"`, allow},
		{"claim:rooms={channel}", "room:*", "", claims, `"room:3"`, refuse},
		{"claim:rooms={channel}", "*", "", claims, `"7"`, refuse},
		{"claim:team.rooms={channel}", "*", "", claims, `"room:1"`, allow},
		{"claim:rooms=room:{channel}", "*", "", claims, `"1"`, allow},
		{"claim:rooms=room:{channel}", "*", "", claims, `"{channel}"`, refuse},
		{"claim:a=<{channel}|{channel}>", "*", "", `{"a":"<x|x>"}`, `"x"`, allow},
		{"claim:a=<{channel}|{channel}>", "*", "", `{"a":"<x|y>"}`, `"x"`, refuse},
		{"claim:a=<{channel}>", "*", "", `{"a":"<x>>"}`, `"x"`, refuse},
	} {
		a := access(t, services.AccessRules{
			Subscribe: "nobody", Publish: "nobody",
			Channels: []services.ChannelRules{{Pattern: test.pattern, Publish: test.rule}},
		})
		client := actors.Principal{}
		if test.identity != "" {
			client.Identity = []byte(test.identity)
		}
		if test.claims != "" {
			client.Claims = []byte(test.claims)
		}
		if got := a.Decide(services.Publish, client, []byte(test.channel)); got != test.want {
			t.Errorf("%s in %s: %s as %s: %d, want %d", test.rule, test.pattern, test.channel, test.identity, got, test.want)
		}
		if got := a.Decide(services.Subscribe, client, []byte(test.channel)); got != refuse {
			t.Errorf("%s in %s also allows subscribing: %d", test.rule, test.pattern, got)
		}
	}
}

func TestFirstPatternWins(t *testing.T) {
	a := access(t, services.AccessRules{
		Subscribe: "authenticated", Publish: "application",
		Channels: []services.ChannelRules{
			{Pattern: "news", Subscribe: "everybody", Publish: "nobody"},
			{Pattern: "user:{identity}", Subscribe: "own", Publish: "everybody"},
			{Pattern: "a*b*c", Subscribe: "nobody"},
			{Pattern: "user:*", Subscribe: "everybody"},
			{Pattern: "*", Subscribe: "claim:x"},
		},
	})
	if !a.Asks(services.Publish) || a.Asks(services.Subscribe) {
		t.Error("the rules ask for another action")
	}
	for channel, want := range map[string][2]services.Decision{
		`"news"`: {allow, refuse}, `"new\u0073"`: {allow, refuse}, ` "news" `: {allow, refuse},
		`"news2"`: {refuse, unsure}, `"new"`: {refuse, unsure},
		`"user:ann"`: {allow, allow}, `"user:bob"`: {refuse, allow}, `"user:"`: {refuse, allow}, `"user:a:b"`: {refuse, allow},
		`"abc"`: {refuse, unsure}, `"a-b-b-c"`: {refuse, unsure}, `"acb"`: {refuse, unsure}, `"user"`: {refuse, unsure},
		`""`: {refuse, unsure}, `"*"`: {refuse, unsure},
		// These have no name, so not even * is about them.
		`1`: {allow, unsure}, `null`: {allow, unsure}, `["news"]`: {allow, unsure}, `{"channel":"news"}`: {allow, unsure}, `true`: {allow, unsure},
	} {
		client := actors.Principal{Identity: []byte(`"ann"`)}
		got := [2]services.Decision{
			a.Decide(services.Subscribe, client, []byte(channel)),
			a.Decide(services.Publish, client, []byte(channel)),
		}
		if got != want {
			t.Errorf("%s: %v, want %v", channel, got, want)
		}
	}
}

func TestStars(t *testing.T) {
	for _, test := range []struct {
		pattern, matches, others string // channels, with blanks between them
	}{
		{"a*", "a ab a*", "ba "},
		{"*a", "a ba aa *a", "ab"},
		{"*a*", "a bab", "b"},
		{"a*a", "aa aba aaa", "a ab"},
		{"a**b", "ab a-b", "a"},
		{"*ab*ab", "abab abxab aabab", "ab aab"},
		{"a*bc*d", "abcd abbcd abcbcd abcd.d", "abd acd abcdx"},
		{"a{identity}b", "ab a-b", "a-"},
		{"user:*{identity}", "user: user:x", "user"},
		{"ü*", "ü üx", "u \\u00fb"},
		{"a*n", "an aan", "a\\n a\\\\"}, // a newline is not the end of an escape
		{"a\\", "a\\\\", "a a\\/"},
	} {
		a := access(t, services.AccessRules{
			Subscribe: "nobody", Channels: []services.ChannelRules{{Pattern: test.pattern, Subscribe: "everybody"}},
		})
		for _, list := range []struct {
			channels string
			want     services.Decision
		}{{test.matches, allow}, {test.others, refuse}} {
			for channel := range strings.SplitSeq(list.channels, " ") {
				if got := a.Decide(services.Subscribe, actors.Principal{}, []byte(`"`+channel+`"`)); got != list.want {
					t.Errorf("%s, %s: %d, want %d", test.pattern, channel, got, list.want)
				}
			}
		}
	}
}

func TestDefaults(t *testing.T) {
	a := access(t, services.AccessRules{Channels: []services.ChannelRules{{Pattern: "a"}, {Pattern: "b", Publish: "everybody"}}})
	for channel, want := range map[string][2]services.Decision{
		`"a"`: {allow, refuse}, `"b"`: {allow, allow}, `"c"`: {allow, refuse}, `1`: {allow, refuse},
	} {
		got := [2]services.Decision{
			a.Decide(services.Subscribe, actors.Principal{}, []byte(channel)), a.Decide(services.Publish, actors.Principal{}, []byte(channel)),
		}
		if got != want {
			t.Errorf("%s: %v, want %v", channel, got, want)
		}
	}
	// A default may look at claims, but channels without a name are in nobody's.
	a = access(t, services.AccessRules{Subscribe: "claim:c={channel}"})
	for channel, want := range map[string]services.Decision{`"7"`: allow, `7`: refuse, `null`: refuse} {
		if got := a.Decide(services.Subscribe, actors.Principal{Claims: []byte(`{"c":["7",7,null,""]}`)}, []byte(channel)); got != want {
			t.Errorf("%s: %v", channel, got)
		}
	}
}

func TestBadRules(t *testing.T) {
	long := strings.Repeat("n", 1025)
	one := func(pattern, subscribe, publish string) services.AccessRules {
		return services.AccessRules{Channels: []services.ChannelRules{{Pattern: "fine"}, {pattern, subscribe, publish}}}
	}
	for want, r := range map[string]services.AccessRules{
		`subscribe: "evrybody" is none of`:                              {Subscribe: "evrybody"},
		`publish: "Nobody" is none of`:                                  {Publish: "Nobody"},
		`publish: " nobody" is none of`:                                 {Publish: " nobody"},
		`publish: "own" is for channels with {identity}`:                {Publish: "own"},
		`channel number 2: pattern: "" is missing`:                      one("", "", ""),
		`channel number 2: pattern: "` + long + `" is longer than 1024`: one(long, "", ""),
		`channel number 2: pattern: "\xff" is not UTF-8`:                one("\xff", "", ""),
		`channel number 2: pattern: "a{identiy}" has braces`:            one("a{identiy}", "", ""),
		`channel number 2: pattern: "a{" has braces`:                    one("a{", "", ""),
		`channel number 2: pattern: "{{identity}}" has braces`:          one("{{identity}}", "", ""),
		`channel number 2: subscribe: "own" needs {identity}`:           one("user:*", "own", ""),
		`channel number 2: publish: "own" takes no *`:                   one("*:{identity}", "", "own"),
		`channel number 2: publish: "own" takes no * in`:                one("{identity}:{identity}:*", "", "own"),
		`channel number 2: publish: "own" takes no * in the`:            one("a*{identity}b*", "", "own"),
		`channel number 2: subscribe: "own" needs text between`:         one("a{identity}*", "own", ""),
		`publish: "claim:" names no claim`:                              {Publish: "claim:"},
		`publish: "claim:=x" names no claim`:                            {Publish: "claim:=x"},
		`publish: "claim:a=" has no value`:                              {Publish: "claim:a="},
		`publish: "claim:a = b" has blanks`:                             {Publish: "claim:a = b"},
		`publish: "claim: a" has blanks`:                                {Publish: "claim: a"},
		`publish: "claim:a={chanel}" has braces`:                        {Publish: "claim:a={chanel}"},
		`publish: "claim:a={{channel}}" has braces`:                     {Publish: "claim:a={{channel}}"},
		`publish: "claim:a=\"{channel}\"" has {channel} within`:         {Publish: `claim:a="{channel}"`},
	} {
		_, err := services.NewAccess(r)
		var fault *services.RuleError
		if !errors.As(err, &fault) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, err := services.NewAccess(services.AccessRules{Publish: "anyone"})
	if !errors.Is(err, services.ErrUnknownRule) {
		t.Errorf("%v is not told from others", err)
	}
}

// Rules are looked at for each publication.
func TestRulesAllocateNothing(t *testing.T) {
	a := access(t, services.AccessRules{Channels: []services.ChannelRules{
		{Pattern: "room:*:public", Publish: "authenticated"},
		{Pattern: "user:{identity}", Publish: "own"},
		{Pattern: "board:*", Publish: "claim:team.boards={channel}"},
		{Pattern: "*", Publish: "claim:roles=writer"},
	}})
	client := actors.Principal{
		Identity: []byte(`"ann"`),
		Claims:   []byte(`{"team":{"boards":["board:1","board:2"]},"roles":["reader","writer"]}`),
	}
	for _, channel := range []string{`"room:1:public"`, `"user:ann"`, `"board:2"`, `"other"`} {
		raw := []byte(channel)
		n := testing.AllocsPerRun(100, func() {
			if a.Decide(services.Publish, client, raw) != allow {
				t.Fatal(channel)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", channel, n)
		}
	}
}

func TestActionsHaveNames(t *testing.T) {
	for action, want := range map[services.Action]string{services.Subscribe: "subscribe", services.Publish: "publish", 7: "unknown", -1: "unknown"} {
		if got := action.String(); got != want {
			t.Errorf("%d is %s", int(action), got)
		}
	}
}
