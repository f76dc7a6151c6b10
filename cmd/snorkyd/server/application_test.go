package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// question is what an application is asked; see package application.
type question struct {
	Event, Query, Remote string
	Headers              map[string]string
	Channel              any
	Identity             any
	Claims, Message      json.RawMessage
}

// fakeApplication answers what it is asked to: the last word of the query or channel says how.
type fakeApplication struct {
	*httptest.Server
	arrived chan struct{} // has one for each slow question
	release chan struct{} // takes one for each slow answer

	mu        sync.Mutex
	keys      []string
	now, most int // questions
}

func newFakeApplication(t *testing.T) *fakeApplication {
	t.Helper()
	a := &fakeApplication{arrived: make(chan struct{}, 100), release: make(chan struct{})}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *fakeApplication) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q question
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &q); err != nil || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	a.keys = append(a.keys, r.Header.Get("X-Backend-Key"))
	a.now++
	a.most = max(a.most, a.now)
	a.mu.Unlock()
	answer := strings.Fields(strings.ReplaceAll(q.Query, "=", " ") + fmt.Sprint(" ", q.Channel))
	if q.Event == "connect" {
		answer = answer[:len(answer)-1]
	}
	a.answer(w, r, &q, answer[len(answer)-1])
	a.mu.Lock()
	a.now--
	a.mu.Unlock()
}

func (a *fakeApplication) answer(w http.ResponseWriter, r *http.Request, q *question, how string) {
	switch how {
	case "yes":
		_, _ = io.WriteString(w, `{"allow":true}`)
	case "no":
		_, _ = io.WriteString(w, `{"allow":false}`)
	case "login":
		w.WriteHeader(http.StatusUnauthorized)
	case "broken":
		w.WriteHeader(http.StatusInternalServerError)
	case "garbage":
		_, _ = io.WriteString(w, `<html>`)
	case "slow":
		a.arrived <- struct{}{}
		select {
		case <-a.release:
			_, _ = io.WriteString(w, `{"allow":true}`)
		case <-r.Context().Done():
		}
	case "mine": // only who is named in the claims
		allow := string(q.Claims) == `{"name":"ann"}` && q.Identity == "ann" && (q.Event != "publish" || string(q.Message) == `{"n":1}`)
		_, _ = fmt.Fprintf(w, `{"allow":%v}`, allow)
	case "cookie":
		_, _ = fmt.Fprintf(w, `{"allow":%v,"identity":%q}`, q.Remote != "", strings.TrimPrefix(q.Headers["cookie"], "session="))
	default:
		_, _ = fmt.Fprintf(w, `{"allow":true,"identity":%q,"claims":{"name":%q}}`, how, how)
	}
}

// withApplication is a server that asks an application.
func withApplication(t *testing.T, a *fakeApplication, change func(*server.Config), options ...server.Option) *server.Server {
	t.Helper()
	cfg := local()
	cfg.ApplicationURL, cfg.ApplicationConnect, cfg.ApplicationTimeout = a.URL+"/ask", true, trial.Patience
	cfg.PubSub = []config.PubSub{{
		Name: "pubsub", Subscribe: config.Authenticated, Publish: config.Nobody, Backend: "pubsub_backend",
		Channels: []config.Channel{
			{Pattern: "user:{identity}", Subscribe: config.Own},
			{Pattern: "ask:*", Subscribe: config.Application, Publish: config.Application},
			{Pattern: "open:*", Subscribe: config.Everybody, Publish: config.Everybody},
		},
	}}
	if change != nil {
		change(&cfg)
	}
	return boot(t, cfg, options...)
}

// enter connects with a query that tells the application who it is.
func enter(t *testing.T, s *server.Server, who string, lines ...string) *trial.Socket {
	t.Helper()
	socket, status := trial.DialWith(t, s.Addr(), "?as="+who, lines...)
	if socket == nil {
		t.Fatalf("%s is refused with %d", who, status)
	}
	return socket
}

// outcome is what a call comes to: null, or the text of the error.
func outcome(m trial.Message) string {
	if m.Type == "error" {
		return strings.Trim(string(m.Message), `"`)
	}
	return string(m.Data)
}

func subscribe(s *trial.Socket, channel string) string {
	return outcome(s.Call("pubsub", "subscribe", fmt.Sprintf(`{"channel":%q}`, channel)))
}

func publish(s *trial.Socket, channel, message string) string {
	return outcome(s.Call("pubsub", "publish", fmt.Sprintf(`{"channel":%q,"message":%s}`, channel, message)))
}

const (
	notAuthorized = "Not authorized"
	unavailable   = "Authorization unavailable"
)

func TestApplicationSaysWhoClientsAre(t *testing.T) {
	t.Parallel()
	s := withApplication(t, newFakeApplication(t), nil)
	for query, want := range map[string]int{
		"ann": 101, "yes": 101, "no": 403, "login": 401, "broken": 503, "garbage": 503,
	} {
		if _, status := trial.DialWith(t, s.Addr(), "?as="+query); status != want {
			t.Errorf("%s: status %d, want %d", query, status, want)
		}
	}
	for channel, want := range map[string]string{
		"user:ann": "null", "user:bob": notAuthorized, "user:a*": notAuthorized, "news": "null",
	} {
		if got := subscribe(enter(t, s, "ann"), channel); got != want {
			t.Errorf("ann subscribes to %s: %s, want %s", channel, got, want)
		}
	}
	if got := subscribe(enter(t, s, "yes"), "news"); got != notAuthorized {
		t.Errorf("nobody in particular subscribes: %s", got)
	}
	if got := subscribe(enter(t, s, "cookie", "Cookie: session=eve"), "user:eve"); got != "null" {
		t.Errorf("who has a cookie subscribes: %s", got)
	}
	if got := refusal(t, s, "?as=broken"); got.Get("Retry-After") == "" {
		t.Errorf("who is refused for now is not told when to come back: %v", got)
	}
}

// refusal returns the header with which a handshake is refused.
func refusal(t *testing.T, s *server.Server, query string) http.Header {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr()+"/ws"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	} {
		r.Header.Set(name, value)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.Header
}

func TestApplicationDecidesAboutChannels(t *testing.T) {
	t.Parallel()
	a := newFakeApplication(t)
	s := withApplication(t, a, nil)
	ann, bob := enter(t, s, "ann"), enter(t, s, "bob")
	for _, step := range []struct {
		socket      *trial.Socket
		channel     string
		sub, publsh string
	}{
		{ann, "ask: yes", "null", "null"},
		{ann, "ask: no", notAuthorized, notAuthorized},
		{ann, "ask: login", notAuthorized, notAuthorized},
		{ann, "ask: broken", unavailable, unavailable},
		{ann, "ask: garbage", unavailable, unavailable},
		{ann, "ask: mine", "null", "null"},
		{bob, "ask: mine", notAuthorized, notAuthorized},
		{bob, "elsewhere", "null", notAuthorized},
	} {
		if got := publish(step.socket, step.channel, `{"n":1}`); got != step.publsh {
			t.Errorf("publishing to %s: %s, want %s", step.channel, got, step.publsh)
		}
		if got := subscribe(step.socket, step.channel); got != step.sub {
			t.Errorf("subscribing to %s: %s, want %s", step.channel, got, step.sub)
		}
	}
	if got := publish(bob, "ask: yes", `{"n":1}`); got != "null" {
		t.Errorf("bob publishes: %s", got)
	}
	if got, _ := ann.Next(); string(got.Message) != `{"n":1}` {
		t.Errorf("ann hears %+v", got)
	}
	// No rule is for the backend.
	publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
	for _, channel := range []string{"ask: mine", "user:ann"} {
		trial.Publish(t, publisher, "pubsub_backend", channel, 2)
	}
	if got, _ := ann.Next(); string(got.Message) != "2" {
		t.Errorf("ann hears %+v", got)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range a.keys {
		if key != s.Key() {
			t.Errorf("asked with the key %q", key)
		}
	}
}

// While the application thinks about one client, others go on, and what that one has sent meanwhile keeps its order.
func TestSlowApplication(t *testing.T) {
	t.Parallel()
	for name, portable := range map[string]bool{"loops": false, "portable": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newFakeApplication(t)
			s := withApplication(t, a, func(c *server.Config) { c.Portable = portable })
			ann, bob := enter(t, s, "ann"), enter(t, s, "bob")
			if got := subscribe(bob, "open:1") + subscribe(bob, "ask: yes"); got != "nullnull" {
				t.Fatal(got)
			}
			for _, channel := range []string{"ask: slow", "open:1"} {
				ann.Send(fmt.Sprintf(`{"service":"pubsub","message":{"command":"subscribe","params":{"channel":%q},"callId":1}}`, channel))
			}
			<-a.arrived
			if got := publish(enter(t, s, "eve"), "open:1", "1"); got != "null" {
				t.Errorf("somebody else publishes: %s", got)
			}
			if got, _ := bob.Next(); string(got.Message) != "1" {
				t.Errorf("bob hears %+v", got)
			}
			trial.Publish(t, trial.Publisher(t, s.BackendAddr(), s.Key()), "pubsub_backend", "ask: slow", "before")
			a.release <- struct{}{}
			for range 2 {
				if got, _ := ann.Next(); outcome(got) != "null" {
					t.Errorf("ann is answered %+v", got)
				}
			}
			if got := publish(enter(t, s, "eve"), "open:1", "2"); got != "null" {
				t.Errorf("somebody publishes: %s", got)
			}
			if got, _ := ann.Next(); string(got.Message) != "2" {
				t.Errorf("ann hears %+v", got)
			}
		})
	}
}

// More questions than MaxCalls wait for their turn, at connecting, subscribing and publishing alike, and nobody else does.
func TestFloodOfQuestions(t *testing.T) {
	t.Parallel()
	a := newFakeApplication(t)
	s := withApplication(t, a, func(c *server.Config) { c.ApplicationMaxCalls = 2 })
	bystander := enter(t, s, "bob")
	const clients = 20
	sockets := make([]*trial.Socket, clients)
	for i := range sockets {
		sockets[i] = enter(t, s, "ann")
	}
	for i, socket := range sockets {
		command, more := "subscribe", ""
		if i%2 == 0 {
			command, more = "publish", `,"message":1`
		}
		socket.Send(fmt.Sprintf(`{"service":"pubsub","message":{"command":%q,"params":{"channel":"ask: slow"%s},"callId":1}}`, command, more))
	}
	for range 2 {
		<-a.arrived
	}
	if got := subscribe(bystander, "news"); got != "null" {
		t.Errorf("a bystander subscribes: %s", got)
	}
	for i := range clients {
		a.release <- struct{}{}
		if i < clients-2 {
			<-a.arrived
		}
	}
	for _, socket := range sockets {
		got, _ := socket.Next()
		for got.Type == "message" {
			got, _ = socket.Next()
		}
		if outcome(got) != "null" {
			t.Errorf("answered %+v", got)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.most != 2 {
		t.Errorf("%d questions at the same time", a.most)
	}
}

// When the application is down nobody gets in and nothing more is allowed, but what is there goes on.
func TestApplicationThatIsDown(t *testing.T) {
	t.Parallel()
	a := newFakeApplication(t)
	var log lockedBuffer
	s := withApplication(t, a, nil, server.WithLogger(zerolog.New(&log)))
	ann := enter(t, s, "ann")
	if got := subscribe(ann, "ask: yes"); got != "null" {
		t.Fatal(got)
	}
	a.Close()
	for range 20 {
		if _, status := trial.DialWith(t, s.Addr(), "?as=ann"); status != http.StatusServiceUnavailable {
			t.Errorf("status %d", status)
		}
		if got := subscribe(ann, "ask: other yes"); got != unavailable {
			t.Errorf("subscribing: %s", got)
		}
	}
	if got := subscribe(ann, "news"); got != "null" {
		t.Errorf("what needs no application: %s", got)
	}
	trial.Publish(t, trial.Publisher(t, s.BackendAddr(), s.Key()), "pubsub_backend", "ask: yes", "still here")
	if got, _ := ann.Next(); string(got.Message) != `"still here"` {
		t.Errorf("ann hears %+v", got)
	}
	if said := log.String(); strings.Count(said, "the application does not answer") != 5 || strings.Contains(said, s.Key()) {
		t.Errorf("logged\n%s", said)
	}
}

// An application that does not answer in time has not answered.
func TestApplicationThatIsTooSlow(t *testing.T) {
	t.Parallel()
	a := newFakeApplication(t)
	s := withApplication(t, a, nil)
	ann := enter(t, s, "ann")
	quick := withApplication(t, a, func(c *server.Config) { c.ApplicationTimeout = 100 * time.Millisecond })
	if _, status := trial.DialWith(t, quick.Addr(), "?as=slow"); status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
	if got := subscribe(ann, "ask: yes"); got != "null" {
		t.Errorf("the other server: %s", got)
	}
}

// The end does not wait for the application, and leaves nothing behind.
func TestShutdownWithQuestionsUnderWay(t *testing.T) {
	t.Parallel()
	a := newFakeApplication(t)
	s := withApplication(t, a, func(c *server.Config) { c.ApplicationMaxCalls, c.Drain = 3, 0 })
	for _, command := range []string{"subscribe", "publish", "subscribe"} {
		more := map[bool]string{true: `,"message":1`}[command == "publish"]
		enter(t, s, "ann").Send(fmt.Sprintf(`{"service":"pubsub","message":{"command":%q,"params":{"channel":"ask: slow"%s}}}`, command, more))
		<-a.arrived
	}
	waiting := enterLater(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), trial.Patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if status := <-waiting; status != http.StatusServiceUnavailable && status != 0 {
		t.Errorf("who was waiting to connect got status %d", status)
	}
}

// enterLater connects while all questions that there may be are under way.
func enterLater(t *testing.T, s *server.Server) <-chan int {
	status := make(chan int, 1)
	go func() {
		_, got := trial.DialWith(t, s.Addr(), "?as=ann")
		status <- got
	}()
	return status
}

// The application sees the key that is the first one now.
func TestApplicationSeesTheNewKey(t *testing.T) {
	t.Parallel()
	a := newFakeApplication(t)
	file := keyFile(t, "the-old-key-of-the-backend\n")
	s := withApplication(t, a, func(c *server.Config) { c.KeyFile = file })
	enter(t, s, "ann")
	if err := os.WriteFile(file, []byte("the-new-key-of-the-backend\nthe-old-key-of-the-backend\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reload(s.Config()); err != nil {
		t.Fatal(err)
	}
	enter(t, s, "ann")
	a.mu.Lock()
	defer a.mu.Unlock()
	if got := strings.Join(a.keys, " "); got != "the-old-key-of-the-backend the-new-key-of-the-backend" {
		t.Errorf("asked with %s", got)
	}
}

// A token counts where there is one, and the application where there is none.
func TestTokensAndAnApplication(t *testing.T) {
	t.Parallel()
	a := newFakeApplication(t)
	secret := keyFile(t, tokenSecret+"\n")
	s := withApplication(t, a, func(c *server.Config) {
		c.TokenSecretFile, c.RequireIdentity, c.TokenSources = secret, true, []string{"query"}
	})
	token := jwt(tokenSecret, "tom", time.Hour)
	for query, want := range map[string]int{
		"?access_token=" + token: 101, "?as=no&access_token=" + token: 101, "?as=ann&access_token=x": 401,
		"?as=ann": 101, "?as=no": 403, "?as=yes": 401, "?as=broken": 503,
	} {
		if _, status := trial.DialWith(t, s.Addr(), query); status != want {
			t.Errorf("%s: status %d, want %d", query, status, want)
		}
	}
	for query, want := range map[string]string{"?access_token=" + token: "tom", "?as=ann": "ann"} {
		socket, _ := trial.DialWith(t, s.Addr(), query)
		if got := whoIs(t, socket); got != `"`+want+`"` {
			t.Errorf("%s is %s", query, got)
		}
	}
}
