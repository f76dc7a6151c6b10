package datasync_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/actors/services/datasync"
)

type (
	step  = actorstest.Step
	heard = actorstest.Heard
)

func tasks(_ *testing.T, b *actorstest.Broker) {
	sync := datasync.New(datasync.Options{TokenTimeout: 10 * time.Second, MaxBufferedBytes: 2000, MaxBufferedTotal: 3600},
		datasync.Broadcast("all", "Gone"), // replaced by the next of that name
		datasync.Broadcast("all", "Task"),
		datasync.KeyField("by owner", "Task", "owner"),
		datasync.Filter("some", "Task"),
		datasync.Key("first letter", "Word", func(data json.RawMessage) (json.RawMessage, bool) {
			var word string
			if json.Unmarshal(data, &word) != nil || word == "" {
				return nil, false
			}
			return json.RawMessage(`"` + word[:1] + `"`), true
		}),
	)
	b.Frontend("sync", sync)
	b.Backend("back", datasync.NewBackend(sync))
}

func authorize(items, keep string) step {
	return step{Who: "backend", Call: "back.authorizeSubscription", Params: `{"items":[` + items + `]}`, Want: keep}
}

func item(dealer, query string) string { return fmt.Sprintf(`{"dealer":%q,"query":%s}`, dealer, query) }

func acquire(who, token string) step {
	return step{Who: who, Call: "sync.acquireSubscription", Params: `{"token":` + token + `}`, Want: "null"}
}

func publish(hear heard, deltas ...string) step {
	return step{
		Who: "backend", Call: "back.publishDeltas", Params: `{"deltas":[` + strings.Join(deltas, ",") + `]}`, Want: "null", Hear: hear,
	}
}

func insert(data string) string { return `{"type":"insert","model":"Task","data":` + data + `}` }
func remove(data string) string { return `{"type":"delete","model":"Task","data":` + data + `}` }
func change(from, to string) string {
	return `{"type":"update","model":"Task","newData":` + to + `,"oldData":` + from + `}`
}

func got(deltas ...string) (list []string) {
	for _, d := range deltas {
		list = append(list, `{"type":"delta","delta":`+d+`}`)
	}
	return list
}

func TestSubscriptionIsAcquiredOnce(t *testing.T) {
	with := func(s step, want string) step {
		s.Want = want
		return s
	}
	cancel := func(who, token string) step {
		return step{Who: who, Call: "sync.cancelSubscription", Params: `{"token":` + token + `}`, Want: "null"}
	}
	buffered := acquire("a", "$t")
	buffered.Hear = heard{"a": got(insert("1"), remove("2"))}
	actorstest.Play(t, tasks,
		authorize(item("all", "null"), "~t"),
		with(cancel("a", "$t"), "!No such subscription"),
		publish(nil, insert("1"), remove("2")),
		buffered,
		with(acquire("a", "$t"), "!Already acquired"),
		with(acquire("b", "$t"), "!Already acquired"),
		with(cancel("b", "$t"), "!No such subscription"),
		with(acquire("a", "5"), "!token must be string"),
		with(cancel("a", "null"), "!token must be string"),
		with(acquire("a", `"unknown"`), "!No such subscription"),
		publish(heard{"a": got(insert("3"))}, insert("3")),
		cancel("a", "$t"),
		publish(nil, insert("4")),
		with(acquire("a", "$t"), "!No such subscription"),
		authorize(item("all", "null"), "~u"),
		acquire("b", "$u"),
		step{Who: "b", Call: "close"},
		publish(nil, insert("5")),
		with(acquire("a", "$u"), "!No such subscription"),
		authorize(item("all", "null"), "~late"),
		acquire("a", "$late"),
		authorize("", "~nothing"),
		step{Do: func(b *actorstest.Broker) { b.Advance(11 * time.Second) }},
		publish(heard{"a": got(insert("6"))}, insert("6")),
		with(acquire("a", "$nothing"), "!No such subscription"),
	)
}

// What waits is bounded, and whoever comes for what was too much is told so, until the time of the token is over.
func TestBuffersAreBounded(t *testing.T) {
	large := insert(`"` + strings.Repeat("x", 1500) + `"`)
	refused := func(who, token, want string) step {
		s := acquire(who, token)
		s.Want = want
		return s
	}
	const overflowed = "!Subscription overflowed"
	cancel := step{Who: "a", Call: "sync.cancelSubscription", Params: `{"token":$t}`, Want: "!No such subscription"}
	t.Run("of one", func(t *testing.T) {
		fits := acquire("b", "$u")
		fits.Hear = heard{"b": got(large)}
		actorstest.Play(t, tasks,
			authorize(item("all", "null")+","+item("all", "0"), "~t"),
			authorize(item("all", "null"), "~u"),
			publish(nil, large),
			refused("a", "$t", overflowed), cancel, refused("b", "$t", overflowed),
			fits,
			publish(heard{"b": got(large)}, large),
			step{Do: func(b *actorstest.Broker) { b.Advance(11 * time.Second) }},
			refused("a", "$t", "!No such subscription"),
		)
	})
	t.Run("of all", func(t *testing.T) {
		fits := acquire("a", "$t")
		fits.Hear = heard{"a": got(large)}
		actorstest.Play(t, tasks,
			authorize(item("all", "0"), "~t"), authorize(item("by owner", "0"), "~none"), authorize(item("all", "0"), "~u"),
			authorize(item("all", "0"), "~v"),
			publish(nil, large), // the third does not fit any more
			refused("c", "$v", overflowed),
			fits,
			authorize(item("all", "0"), "~w"),
			publish(heard{"a": got(large)}, large), // there is room again
			step{Who: "c", Call: "sync.acquireSubscription", Params: `{"token":$w}`, Want: "null", Hear: heard{"c": got(large)}},
			acquire("d", "$none"),
		)
	})
}

func TestDealers(t *testing.T) {
	ann, bob, none := `{"owner":"ann","n":1}`, `{"owner":{"b":[1]},"n":2}`, `{"n":3}`
	actorstest.Play(t, tasks,
		authorize(item("by owner", `"ann"`), "~a"), acquire("a", "$a"),
		authorize(item("by owner", `{"b":[1.0]}`), "~b"), acquire("b", "$b"),
		authorize(item("all", "0"), "~c"), acquire("c", "$c"),
		authorize(item("first letter", `"w"`), "~d"), acquire("d", "$d"),
		publish(heard{"a": got(insert(ann)), "c": got(insert(ann))}, insert(ann)),
		publish(heard{"a": got(remove(ann)), "b": got(insert(bob)), "c": got(change(ann, bob))}, change(ann, bob)),
		publish(heard{"b": got(remove(bob)), "c": got(change(bob, none))}, change(bob, none)),
		publish(heard{"c": got(insert(none), insert("7"), remove(`"x"`))}, insert(none), insert("7"), remove(`"x"`)),
		publish(heard{"a": got(change(ann, ann)), "c": got(change(ann, ann))}, change(ann, ann)),
		publish(heard{"d": got(`{"type":"insert","model":"Word","data":"word"}`)},
			`{"type":"insert","model":"Word","data":"word","tag":1}`, `{"type":"insert","model":"Word","data":""}`),
	)
}

func TestOneCopyForEachItem(t *testing.T) {
	ann, bob := `{"owner":"ann"}`, `{"owner":"bob"}`
	actorstest.Play(t, tasks,
		authorize(item("by owner", `"ann"`)+","+item("by owner", `"bob"`)+","+item("by owner", `"ann"`), "~t"), acquire("a", "$t"),
		publish(heard{"a": got(insert(bob), remove(ann), remove(ann))}, change(ann, bob)),
		publish(heard{"a": got(insert(ann), insert(ann))}, insert(ann)),
	)
}

func TestRefusedAuthorizations(t *testing.T) {
	for items, want := range map[string]string{
		`5`:                                      "Invalid params",
		`{}`:                                     "Invalid params",
		`""`:                                     "Invalid params",
		`[5]`:                                    "Invalid params",
		`[{}]`:                                   "Missing field 'dealer'",
		`[{"query":1}]`:                          "Missing field 'dealer'",
		`null`:                                   "Invalid params",
		`[[]]`:                                   "Invalid params",
		`[{"dealer":null,"query":1}]`:            "dealer should be a dealer name",
		`[{"dealer":"x"},5]`:                     "No such dealer",
		`[{"dealer":"all","query":1},{}]`:        "Missing field 'dealer'",
		`[{"dealer":1}]`:                         "dealer should be a dealer name",
		`[{"dealer":"x"}]`:                       "No such dealer",
		`[{"dealer":"all"}]`:                     "Missing field 'query'",
		`[{"dealer":"some","query":1},5]`:        "Invalid params",
		`[{"dealer":"some","query":1}]`:          "Bad query",
		`[{"dealer":"some","query":[]}]`:         "Bad query",
		`[{"dealer":"some","query":[1]}]`:        "Bad query",
		`[{"dealer":"some","query":["=","a"]}]`:  "Bad query",
		`[{"dealer":"some","query":["==","a"]}]`: "Bad query",
		`[{"dealer":"some","query":["==",1,2]}]`: "Bad query",
		`[{"dealer":"some","query":["<","a",1,2]}]`:                      "Bad query",
		`[{"dealer":"some","query":["not"]}]`:                            "Bad query",
		`[{"dealer":"some","query":["not",["x"]]}]`:                      "Bad query",
		`[{"dealer":"some","query":["and",["==","a",1],1]}]`:             "Bad query",
		`[{"dealer":"some","query":["and"]},{"dealer":"x","query":"y"}]`: "No such dealer",
	} {
		t.Run(items, func(t *testing.T) {
			actorstest.Play(t, tasks, step{Who: "backend", Call: "back.authorizeSubscription", Params: `{"items":` + items + `}`, Want: "!" + want})
		})
	}
}

func TestRefusedDeltas(t *testing.T) {
	for deltas, want := range map[string]string{
		`{}`:                               "Invalid params",
		`[1]`:                              "Invalid params",
		`[{}]`:                             "Missing field 'type'",
		`[{"type":1}]`:                     "Missing field 'model'",
		`"[]"`:                             "Invalid params",
		`null`:                             "Invalid params",
		`[[]]`:                             "Invalid params",
		`[{"model":"Task","data":1}]`:      "Missing field 'type'",
		`[{"type":"insert","model":null}]`: "model must be string",
		`[{"type":"update","model":"Task","data":1}]`:                                        "Missing field 'newData'",
		`[{"type":"insert","model":"Task","data":1},1,{}]`:                                   "Invalid params",
		`[{"type":"insert","model":"Task","data":1},{},1]`:                                   "Missing field 'type'",
		`[{"type":1,"model":1}]`:                                                             "model must be string",
		`[{"type":1,"model":"Task"}]`:                                                        "Invalid delta type",
		`[{"type":"move","model":"Task"}]`:                                                   "Invalid delta type",
		`[{"type":"insert","model":"Task"}]`:                                                 "Missing field 'data'",
		`[{"type":"delete","model":"Task","newData":1}]`:                                     "Missing field 'data'",
		`[{"type":"update","model":"Task","oldData":1}]`:                                     "Missing field 'newData'",
		`[{"type":"update","model":"Task","newData":1}]`:                                     "Missing field 'oldData'",
		`[{"type":"insert","model":"Gone","data":1}]`:                                        "No such model",
		`[{"type":"insert","model":"Gone","data":1},{"type":"x"}]`:                           "Missing field 'model'",
		`[{"type":"insert","model":"Task","data":1},{"type":"insert","model":"?","data":1}]`: "No such model",
	} {
		t.Run(deltas, func(t *testing.T) {
			actorstest.Play(t, tasks, authorize(item("all", "0"), "~t"), acquire("a", "$t"),
				step{Who: "backend", Call: "back.publishDeltas", Params: `{"deltas":` + deltas + `}`, Want: "!" + want},
				step{Who: "backend", Call: "back.publish", Params: `{"deltas":[]}`, Want: "!Unknown command"})
		})
	}
}

func TestFilters(t *testing.T) {
	for _, test := range []struct{ filter, data string }{
		{`["==","a",1]`, `{"a":1.0}`},
		{`["==","a.b.c",{"x":[null]}]`, `{"a":{"b":{"c":{"x":[null]}}}}`},
		{`["==","",true]`, `{"":true}`},
		{`["<","a",2]`, `{"a":1}`},
		{`["<=","a",2]`, `{"a":2.0}`},
		{`[">","a",9007199254740992]`, `{"a":9007199254740993}`},
		{`[">=","a","é"]`, `{"a":"\u00e9"}`},
		{`[">","a",1e308]`, `{"a":1e400}`},
		{`["not",["==","a",1]]`, `[]`},
		{`["not",["<","a",1]]`, `{"a":"x"}`},
		{`["and"]`, `null`},
		{`["and",["==","a",1],["==","b",2]]`, `{"a":1,"b":2}`},
		{`["or",["==","a",1],["==","b",2]]`, `{"a":0,"b":2}`},
		{`["==","a",2]`, `{"a":1,"a":2}`},
	} {
		t.Run(test.filter, func(t *testing.T) {
			actorstest.Play(t, tasks, authorize(item("some", test.filter), "~t"), acquire("a", "$t"),
				publish(heard{"a": got(insert(test.data))}, insert(test.data)),
				authorize(item("some", `["not",`+test.filter+`]`), "~u"), acquire("b", "$u"),
				publish(heard{"a": got(remove(test.data))}, remove(test.data)))
		})
	}
	for _, test := range []struct{ filter, data string }{
		{`["==","a",1]`, `{"a":"1"}`},
		{`["==","a",null]`, `{}`},
		{`["==","a.b",1]`, `{"a.b":1}`},
		{`["==","a.b",1]`, `{"a":[1]}`},
		{`["<","a",2]`, `{"a":2}`},
		{`[">","a","b"]`, `{"a":"b"}`},
		{`["<=","a",null]`, `{"a":null}`},
		{`["<","a",true]`, `{"a":false}`},
		{`["<","a",1]`, `{"a":"0"}`},
		{`["or"]`, `{}`},
		{`["<","a",2]`, `1`},
	} {
		t.Run("not "+test.filter, func(t *testing.T) {
			actorstest.Play(t, tasks, authorize(item("some", test.filter), "~t"), acquire("a", "$t"), publish(nil, insert(test.data)))
		})
	}
}
