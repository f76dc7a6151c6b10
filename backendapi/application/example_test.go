package application_test

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/snorky-go/snorky/backendapi/application"
)

const backendKey = "the key in snorkyd's key-file"

// members are who may be in a room, as the application's database knows it.
var members = map[string]string{"room:7": "ann"}

// answerBroker is the application's side: what a web application serves at the address that is snorkyd's application-url.
func answerBroker(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("X-Backend-Key")
	if subtle.ConstantTimeCompare([]byte(key), []byte(backendKey)) == 0 {
		http.NotFound(w, r)
		return
	}
	var question struct {
		Event    string
		Headers  map[string]string
		Channel  string
		Identity string
	}
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		http.Error(w, "no question", http.StatusBadRequest)
		return
	}
	answer := map[string]any{"allow": false}
	switch question.Event {
	case "connect":
		if question.Headers["cookie"] == "session=of-ann" {
			answer = map[string]any{"allow": true, "identity": "ann", "expiresIn": 3600}
		}
	case "subscribe", "publish":
		answer = map[string]any{"allow": members[question.Channel] == question.Identity, "cacheFor": 60}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// snorkyd asks the application by a Client, and so can any other program that has a broker in it.
func Example() {
	web := httptest.NewServer(http.HandlerFunc(answerBroker))
	defer web.Close()
	c, err := application.New(application.Options{URL: web.URL, Key: backendKey})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	handshake := httptest.NewRequest(http.MethodGet, "/ws", nil)
	_, err = c.Connect(handshake)
	fmt.Println("without a cookie:", err)

	handshake.Header.Set("Cookie", "session=of-ann")
	who, err := c.Connect(handshake)
	fmt.Println("with one:", string(who.Identity), err)

	for _, channel := range []string{`"room:7"`, `"room:8"`} {
		allow, err := c.Authorize(context.Background(), application.Question{
			Service: "pubsub", Channel: json.RawMessage(channel), Identity: who.Identity,
		})
		fmt.Println("may subscribe to", channel, allow, err)
	}
	// Output:
	// without a cookie: Forbidden
	// with one: "ann" <nil>
	// may subscribe to "room:7" true <nil>
	// may subscribe to "room:8" false <nil>
}
