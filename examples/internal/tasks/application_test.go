package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/examples/internal/tasks"
)

// visit is an application as somebody who visits it sees it.
type visit struct {
	t       *testing.T
	handler http.Handler
	store   tasks.Store
	broker  *broker
	log     *strings.Builder
	address string // of the visitor
	cookie  *http.Cookie
}

func newVisit(t *testing.T) *visit {
	t.Helper()
	s := &visit{t: t, store: tasks.NewMemory(tasks.Limits{}), broker: new(broker), log: new(strings.Builder), address: "192.0.2.1:1"}
	s.serve(s.store)
	return s
}

func (s *visit) serve(store tasks.Store) {
	app := tasks.New(tasks.Options{Store: store, Snorky: s.broker.client(s.t), Log: zerolog.New(s.log)})
	s.handler = app.Handler("/todo/")
}

// ask makes the request that the page makes.
func (s *visit) ask(method, path, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost:8080/todo/"+path, strings.NewReader(body))
	r.RemoteAddr = s.address
	r.Header.Set("Origin", "http://localhost:8080")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.cookie != nil {
		r.AddCookie(s.cookie)
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		s.cookie = c
	}
	return w
}

func (s *visit) expect(status int, method, path, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	w := s.ask(method, path, body)
	if w.Code != status {
		s.t.Errorf("%s %s %s: status %d, not %d: %s", method, path, body, w.Code, status, w.Body)
	}
	return w
}

func subscribe(r *http.Request) { r.Header.Set("X-Snorky", "Subscribe") }

func TestResources(t *testing.T) {
	s := newVisit(t)
	s.expect(200, "PUT", "me", `{"name":" Ada Lovelace, \"Countess\"; "}`)
	if said := s.expect(200, "GET", "me", "").Body.String(); said != `{"name":"Ada Lovelace, \"Countess\";"}`+"\n" {
		t.Errorf("I am %s", said)
	}
	w := s.expect(201, "POST", "tasks", `{"title":" Buy fins "}`)
	if got := w.Header().Get("Location"); got != "/todo/tasks/1" {
		t.Errorf("it is at %s", got)
	}
	s.expect(201, "POST", "tasks", `{"title":"Dive"}`)
	w = s.expect(200, "PATCH", "tasks/2", `{"title":"Dive deep","done":true,"after":0,"mine":false}`)
	var dive tasks.Task
	if err := json.Unmarshal(w.Body.Bytes(), &dive); err != nil || dive.Title != "Dive deep" || !dive.Done || dive.Owner != "" {
		t.Errorf("got %s, %v", w.Body, err)
	}
	w = s.expect(200, "GET", "tasks", "")
	want := fmt.Sprintf(`{"revision":3,"tasks":[{"id":2,"title":"Dive deep","done":true,"owner":"","position":%d,"revision":3},`+
		`{"id":1,"title":"Buy fins","done":false,"owner":"Ada Lovelace, \"Countess\";","position":%d,"revision":1}],`+
		`"me":"Ada Lovelace, \"Countess\";"}`+"\n", 0, tasks.Gap)
	if w.Body.String() != want {
		t.Errorf("got  %swant %s", w.Body, want)
	}
	if h := w.Header(); h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/json" || h.Get("X-Subscription-Token") != "" {
		t.Errorf("the header is %v", h)
	}
	s.expect(200, "PATCH", "tasks/2", `{"mine":true}`)
	for _, removing := range []struct{ path, want string }{
		{"tasks?done=true&view=mine", `[{"id":2,"title":"Dive deep","done":true,"owner":"Ada Lovelace, \"Countess\";","position":0,"revision":5}]`},
		{"tasks/1", fmt.Sprintf(`[{"id":1,"title":"Buy fins","done":false,"owner":"Ada Lovelace, \"Countess\";","position":%d,"revision":6}]`, tasks.Gap)},
		{"tasks?done=true", `[]`},
	} {
		if w := s.expect(200, "DELETE", removing.path, ""); w.Body.String() != removing.want+"\n" {
			t.Errorf("removed %swant    %s", w.Body, removing.want)
		}
	}
	if w := s.expect(200, "GET", "tasks?view=all", ""); !strings.HasPrefix(w.Body.String(), `{"revision":6,"tasks":[],`) {
		t.Errorf("left is %s", w.Body)
	}
}

// Each view asks another dealer, and shows what that deals.
func TestSubscribing(t *testing.T) {
	s := newVisit(t)
	s.expect(200, "PUT", "me", `{"name":"Ada"}`)
	s.expect(201, "POST", "tasks", `{"title":"a"}`)
	for _, test := range []struct{ view, items string }{
		{"", `[{"dealer":"AllTasks","query":null}]`},
		{"all", `[{"dealer":"AllTasks","query":null}]`},
		{"open", `[{"dealer":"FilteredTasks","query":["==","done",false]}]`},
		{"mine", `[{"dealer":"TasksByOwner","query":"Ada"}]`},
	} {
		w := s.ask("GET", "tasks?view="+test.view, "", subscribe)
		if w.Code != 200 || w.Header().Get("X-Subscription-Token") != "token-of-this-visitor" || !strings.Contains(w.Body.String(), `"title":"a"`) {
			t.Errorf("%s: status %d, %v, %s", test.view, w.Code, w.Header(), w.Body)
		}
		if got := s.broker.authorized[len(s.broker.authorized)-1]; got != test.items {
			t.Errorf("%s: authorized %s, not %s", test.view, got, test.items)
		}
	}
	s.ask("GET", "tasks", "", func(r *http.Request) { r.Header.Set("X-Snorky", "something else") })
	if n := len(s.broker.authorized); n != 4 {
		t.Errorf("%d subscriptions, not 4", n)
	}
}

// What is done while a subscription is being authorized is in the data: they are read afterwards.
func TestAuthorizingComesFirst(t *testing.T) {
	s := newVisit(t)
	s.broker.during = func() { add(t, s.store, "in between") }
	if w := s.ask("GET", "tasks", "", subscribe); !strings.Contains(w.Body.String(), "in between") {
		t.Errorf("got %s", w.Body)
	}
}

func TestViewsAreWhatTheirItemsMatch(t *testing.T) {
	v := tasks.View{Open: true, Owner: "Ada"}
	query, err := json.Marshal(v.Item())
	if err != nil || string(query) != `{"dealer":"FilteredTasks","query":["and",["==","done",false],["==","owner","Ada"]]}` {
		t.Errorf("%s, %v", query, err)
	}
	if !v.Shows(tasks.Task{Owner: "Ada"}) || v.Shows(tasks.Task{Owner: "Ada", Done: true}) || v.Shows(tasks.Task{}) {
		t.Error("it shows something else")
	}
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("é", 201)
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		said                     string
	}{
		{"no title", "POST", "tasks", `{"title":" \t"}`, 400, "Write what is to be done first."},
		{"no form", "POST", "tasks", `{}`, 400, "Write what is to be done first."},
		{"a long title", "POST", "tasks", `{"title":"` + long + `"}`, 413, "This is too long."},
		{"a control character", "POST", "tasks", `{"title":"a\u0000b"}`, 400, "There is a character in it that cannot be shown."},
		{"two lines", "POST", "tasks", `{"title":"a\nb"}`, 400, "There is a character in it that cannot be shown."},
		{"a huge body", "POST", "tasks", `{"title":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "This is too long."},
		{"a huge rest", "POST", "tasks", `{"title":"x"}` + strings.Repeat(" ", 1<<20), 413, "This is too long."},
		{"no JSON", "POST", "tasks", `title=x`, 400, "This is not what the page sends."},
		{"half of it", "POST", "tasks", `{"title":"x"`, 400, "This is not what the page sends."},
		{"too much", "POST", "tasks", `{"title":"x"}{"title":"y"}`, 400, "This is not what the page sends."},
		{"a list", "POST", "tasks", `["x"]`, 400, "This is not what the page sends."},
		{"another type", "POST", "tasks", `{"title":1}`, 400, "This is not what the page sends."},
		{"an owner", "POST", "tasks", `{"title":"x","owner":"Bob"}`, 400, "This is not what the page sends."},
		{"no change", "PATCH", "tasks/1", `{}`, 400, "This is not what the page sends."},
		{"another's", "PATCH", "tasks/1", `{"owner":"Bob"}`, 400, "This is not what the page sends."},
		{"nobody's", "PATCH", "tasks/1", `{"mine":true}`, 403, "Say who you are first."},
		{"an empty title", "PATCH", "tasks/1", `{"title":""}`, 400, "Write what is to be done first."},
		{"a long title now", "PATCH", "tasks/1", `{"title":"` + long + `"}`, 413, "This is too long."},
		{"one that is gone", "PATCH", "tasks/7", `{"done":true}`, 404, "This task is not there any more."},
		{"no number", "PATCH", "tasks/one", `{"done":true}`, 404, "This task is not there any more."},
		{"a huge number", "PATCH", "tasks/99999999999999999999", `{"done":true}`, 404, "This task is not there any more."},
		{"behind one that is gone", "PATCH", "tasks/1", `{"after":7}`, 409, "The task behind which it was to go is not there any more."},
		{"behind itself", "PATCH", "tasks/1", `{"after":1}`, 409, "The task behind which it was to go is not there any more."},
		{"half a number", "PATCH", "tasks/1", `{"after":0.5}`, 400, "This is not what the page sends."},
		{"removing one that is gone", "DELETE", "tasks/7", "", 404, "This task is not there any more."},
		{"removing all", "DELETE", "tasks", "", 400, "This is not what the page sends."},
		{"removing what is not done", "DELETE", "tasks?done=false", "", 400, "This is not what the page sends."},
		{"a view that there is not", "GET", "tasks?view=his", "", 400, "There is no such view."},
		{"a view of nobody", "GET", "tasks?view=mine", "", 403, "Say who you are first."},
		{"clearing the view of nobody", "DELETE", "tasks?done=true&view=mine", "", 403, "Say who you are first."},
		{"no name", "PUT", "me", `{"name":""}`, 403, "Say who you are first."},
		{"a long name", "PUT", "me", `{"name":"` + strings.Repeat("é", 41) + `"}`, 413, "This is too long."},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newVisit(t)
			s.t = t
			add(t, s.store, "a")
			w := s.expect(test.status, test.method, test.path, test.body)
			var said struct{ Error string }
			if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.Error != test.said {
				t.Errorf("said %q, %v", w.Body, err)
			}
			if l, err := s.store.List(t.Context(), tasks.View{}); err != nil || l.Revision != 1 {
				t.Errorf("the list is %+v, %v", l, err)
			}
			if s.log.Len() != 0 {
				t.Errorf("the log is %s", s.log)
			}
		})
	}
}

func TestOtherSites(t *testing.T) {
	foreign := func(r *http.Request) {
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	old := func(r *http.Request) {
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Del("Sec-Fetch-Site")
	}
	form := func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }
	for _, test := range []struct {
		name               string
		method, path, body string
		change             func(*http.Request)
		status             int
	}{
		{"adding", "POST", "tasks", `{"title":"x"}`, foreign, 403},
		{"adding, in an old browser", "POST", "tasks", `{"title":"x"}`, old, 403},
		{"adding by a form", "POST", "tasks", `{"title":"x"}`, form, 415},
		{"changing", "PATCH", "tasks/1", `{"done":true}`, foreign, 403},
		{"removing", "DELETE", "tasks/1", "", foreign, 403},
		{"clearing", "DELETE", "tasks?done=true", "", foreign, 403},
		{"a name", "PUT", "me", `{"name":"Eve"}`, foreign, 403},
		{"another method", "PUT", "tasks/1", `{}`, func(*http.Request) {}, 405},
		{"another path", "GET", "other", "", func(*http.Request) {}, 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newVisit(t)
			add(t, s.store, "a")
			if w := s.ask(test.method, test.path, test.body, test.change); w.Code != test.status {
				t.Errorf("status %d, not %d", w.Code, test.status)
			}
			if l, err := s.store.List(t.Context(), tasks.View{}); err != nil || l.Revision != 1 || s.cookie != nil {
				t.Errorf("it took effect: %+v, %v, %v", l, err, s.cookie)
			}
		})
	}
}

// Names that others wrote into the cookie are nobody's.
func TestForgedNames(t *testing.T) {
	for _, value := range []string{"", "%", "%00", strings.Repeat("x", 41), "a%0Ab", "%20"} {
		s := newVisit(t)
		s.cookie = &http.Cookie{Name: "todo-name", Value: value}
		if said := s.expect(200, "GET", "me", "").Body.String(); said != `{"name":""}`+"\n" {
			t.Errorf("%q is %s", value, said)
		}
	}
}

func TestFullList(t *testing.T) {
	s := newVisit(t)
	s.serve(tasks.NewMemory(tasks.Limits{Tasks: 1, Pending: 3}))
	s.expect(201, "POST", "tasks", `{"title":"a"}`)
	s.expect(409, "POST", "tasks", `{"title":"b"}`)
	s.expect(200, "PATCH", "tasks/1", `{"done":true}`)
	s.expect(200, "PATCH", "tasks/1", `{"done":false}`)
	w := s.expect(503, "PATCH", "tasks/1", `{"done":true}`)
	if !strings.Contains(w.Body.String(), "Too much waits to be published") || !strings.Contains(s.log.String(), "too many changes wait") {
		t.Errorf("said %s, logged %s", w.Body, s.log)
	}
}

// Without Snorky there are no subscriptions. The list can be read and changed all the same.
func TestWithoutSnorky(t *testing.T) {
	s := newVisit(t)
	s.broker.down = errDown
	w := s.ask("GET", "tasks", "", subscribe)
	if w.Code != 503 || strings.Contains(w.Body.String(), "refused") || w.Header().Get("X-Subscription-Token") != "" {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
	if !strings.Contains(s.log.String(), "connection refused") || strings.Contains(s.log.String(), key) {
		t.Errorf("logged %s", s.log)
	}
	s.expect(201, "POST", "tasks", `{"title":"a"}`)
	s.expect(200, "GET", "tasks", "")
}

// brokenStore fails as a database does.
type brokenStore struct{ tasks.Store }

func (brokenStore) List(context.Context, tasks.View) (tasks.List, error) {
	return tasks.List{}, errors.New("relation \"tasks\" does not exist")
}

func (brokenStore) Add(context.Context, string, string) (tasks.Task, error) {
	return tasks.Task{}, errors.New("disk full")
}

func TestWithoutDatabase(t *testing.T) {
	s := newVisit(t)
	s.serve(brokenStore{s.store})
	for _, w := range []*httptest.ResponseRecorder{s.expect(503, "GET", "tasks", ""), s.expect(503, "POST", "tasks", `{"title":"a"}`)} {
		if said := w.Body.String(); said != `{"error":"The list cannot be reached at the moment. Try again later."}`+"\n" {
			t.Errorf("said %s", said)
		}
	}
	if log := s.log.String(); !strings.Contains(log, "does not exist") || !strings.Contains(log, "disk full") {
		t.Errorf("logged %s", log)
	}
}

func TestTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newVisit(t)
		accepted := 0
		for i := range 100 {
			w := s.ask("POST", "tasks", `{"title":"`+strconv.Itoa(i)+`"}`)
			switch {
			case w.Code == 201:
				accepted++
			case w.Code != 429 || w.Header().Get("Retry-After") != "10":
				t.Errorf("status %d, %v", w.Code, w.Header())
			}
		}
		if accepted != 60 {
			t.Errorf("%d were accepted", accepted)
		}
		if w := s.ask("GET", "tasks", "", subscribe); w.Code != 429 {
			t.Errorf("one more subscription: %d", w.Code)
		}
		s.expect(429, "DELETE", "tasks/1", "")
		s.expect(429, "DELETE", "tasks?done=true", "")
		s.expect(200, "GET", "tasks", "") // reading costs little
		s.address = "192.0.2.2:1"
		s.expect(200, "DELETE", "tasks/1", "")
		s.address = "192.0.2.1:2"
		<-time.After(10 * time.Second)
		s.expect(200, "DELETE", "tasks/2", "")
	})
}

// Many visitors change one list at once, and everything is published in the order in which it happened.
func TestManyVisitors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newVisit(t)
		app := tasks.New(tasks.Options{Store: s.store, Snorky: s.broker.client(t), Log: zerolog.Nop()})
		s.handler = app.Handler("/todo/")
		ctx, cancel := context.WithCancel(t.Context())
		var running, visiting sync.WaitGroup
		running.Go(func() { app.Run(ctx) })
		task := add(t, s.store, "shared")
		for i := range 20 {
			visitor := *s
			visitor.address = fmt.Sprintf("192.0.2.%d:1", i)
			visiting.Go(func() {
				for n := range 10 {
					visitor.expect(200, "PATCH", fmt.Sprintf("tasks/%d", task.ID), fmt.Sprintf(`{"title":"%d of %d"}`, n, i))
				}
			})
		}
		visiting.Wait()
		synctest.Wait() // nothing is left to publish
		deltas := s.broker.deltas()
		expectRevisions(t, deltas, 1, 201)
		if l, err := s.store.List(t.Context(), tasks.View{}); err != nil || l.Tasks[0].Title != deltas[200].NewData.Title {
			t.Errorf("%+v was published last, but the list is %+v, %v", deltas[200], l, err)
		}
		cancel()
		running.Wait()
	})
}
