package application

import (
	"net/http"
	"testing"
)

func TestQuestionsAreCounted(t *testing.T) {
	a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("X-Backend-Key") {
		case "yes":
			says(http.StatusOK, `{"allow":true}`)(w, r)
		case "no":
			says(http.StatusOK, `{"allow":false}`)(w, r)
		case "forbidden":
			says(http.StatusForbidden, "")(w, r)
		case "unknown":
			says(http.StatusUnauthorized, "")(w, r)
		default:
			says(http.StatusInternalServerError, "")(w, r)
		}
	})
	c := a.client(t, Options{})
	for _, key := range []string{"yes", "no", "forbidden", "unknown", "broken"} {
		c.SetKey(key)
		_, _ = c.Connect(handshake(t, ""))
	}
	if got, want := c.Stats(), (Stats{Allowed: 1, Denied: 3, Failed: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
