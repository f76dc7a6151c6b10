package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

const (
	tooMany = "Too many requests"
	// shortly is how long a test waits for what should not come. Where it is too short for a slow machine, the test sees
	// less, and does not fail.
	shortly = 200 * time.Millisecond
)

// limitProbes are those of rates, of what bounds crowds, and of the end.
func limitProbes(t *testing.T) map[string]probe {
	tokens := fmt.Sprintf("token-secret-file = %q\n", keyFile(t, secretA))
	ann := hs256(secretA, lasting(""))
	const everybody = "[[pubsub]]\nname = \"pubsub\"\npublish = \"everybody\"\n"
	subscribes := func(c *trial.Socket, channel string) string {
		return said(c.Call("pubsub", "subscribe", fmt.Sprintf(`{"channel":%q}`, channel)))
	}
	publishes := func(c *trial.Socket) string {
		return said(c.Call("pubsub", "publish", `{"channel":"c","message":1}`))
	}
	// little makes a probe of a rate that is used up by what spend does, and then raised.
	little := func(name, always string, spend func(*subject), see func(*subject) string, want [2]string) probe {
		return probe{
			always: always, before: name + ` = "1/h burst 1"`, after: name + ` = "1/h burst 100"`,
			setup: spend, see: see, want: want,
		}
	}
	refused := [2]string{tooMany, "yes"}
	all := map[string]probe{
		"connect-rate-per-address": little("connect-rate-per-address", "",
			func(s *subject) { s.client("") },
			func(s *subject) string { return s.status("") }, [2]string{"429", "101"}),
		"connect-rate-per-identity": little("connect-rate-per-identity", tokens,
			func(s *subject) { s.client(ann) },
			func(s *subject) string { return s.status(ann) }, [2]string{"429", "101"}),
		"call-rate": little("call-rate", "",
			func(s *subject) { s.socket = trial.Subscribe(s.t, s.front, "pubsub", "a") },
			func(s *subject) string { return subscribes(s.socket, "b") }, refused),
		"call-rate-per-address": little("call-rate-per-address", "",
			func(s *subject) { trial.Subscribe(s.t, s.front, "pubsub", "a") },
			func(s *subject) string { return subscribes(s.client(""), "b") }, refused),
		"call-rate-per-identity": little("call-rate-per-identity", tokens,
			func(s *subject) { s.client(ann).Subscribe("pubsub", "a") },
			func(s *subject) string {
				return subscribes(s.client(""), "b") + ", " + subscribes(s.client(ann), "b")
			}, [2]string{"yes, " + tooMany, "yes, yes"}),
		"publish-rate": little("publish-rate", everybody,
			func(s *subject) { s.socket = s.client(""); publishes(s.socket) },
			func(s *subject) string { return publishes(s.socket) }, refused),
		"publish-rate-per-address": little("publish-rate-per-address", everybody,
			func(s *subject) { publishes(s.client("")) },
			func(s *subject) string { return publishes(s.client("")) }, refused),
		"publish-rate-per-identity": little("publish-rate-per-identity", tokens+everybody,
			func(s *subject) { publishes(s.client(ann)) },
			func(s *subject) string { return publishes(s.client("")) + ", " + publishes(s.client(ann)) },
			[2]string{"yes, " + tooMany, "yes, yes"}),
		"bad-key-rate": little("bad-key-rate", "",
			func(s *subject) { s.publishes("wrong", publication("c", "x")) },
			func(s *subject) string { return s.publishes("wrong", publication("c", "x")) }, [2]string{"429", "401"}),
	}
	all["accept-rate"] = acceptRate()
	all["max-handshakes"] = silent("max-handshakes",
		func(s *subject) string { return s.front }, func(s *subject) string { return s.status("") }, "101")
	all["max-backend-connections"] = silent("max-backend-connections",
		func(s *subject) string { return s.back },
		func(s *subject) string { return s.publishes(testKey, publication("c", "x")) }, "200")
	all["max-memory"] = probe{
		before: `max-memory = "32MiB"`, after: `max-memory = "1000GiB"`, want: [2]string{"503", "101"},
		see: func(s *subject) string {
			ballast := make([]byte, 64<<20) // what the tests hold is what snorkyd holds
			defer runtime.KeepAlive(ballast)
			want := map[bool]string{false: "503", true: "101"}[s.after]
			trial.Eventually(s.t, "somebody is answered with "+want, func() bool { return s.status("") == want })
			return want
		},
	}
	all["reconnect-spread"] = probe{
		before: `reconnect-spread = "0s"`, after: `reconnect-spread = "1m"`, want: [2]string{"", "asked to come back"},
		setup: func(s *subject) { s.socket = s.client("") },
		see: func(s *subject) string {
			if !s.after {
				return ""
			}
			s.ending = true
			s.signals <- syscall.SIGTERM
			_, code := s.socket.Next()
			if _, asked := wire.Hint(s.socket.Reason); code != wire.CloseGoingAway || !asked {
				return fmt.Sprintf("closed with %d %q", code, s.socket.Reason)
			}
			return "asked to come back"
		},
	}
	return all
}

// silent is a probe of a bound for connections that say nothing: the oldest of twenty has to go for one who does say
// something, or need not.
func silent(name string, door, speak func(*subject) string, spoken string) probe {
	return probe{
		always: "header-timeout = \"1h\"\nidle-timeout = \"1h\"\n",
		before: name + " = 16", after: name + " = 64", want: [2]string{"closed", "left"},
		see: func(s *subject) string {
			var oldest net.Conn
			for i := range 20 {
				if conn := s.dial(door(s)); i == 0 {
					oldest = conn
				}
			}
			if got := speak(s); got != spoken {
				return got
			}
			wait := shortly
			if !s.after {
				wait = trial.Patience
			}
			_ = oldest.SetReadDeadline(time.Now().Add(wait))
			if _, err := oldest.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				return "closed"
			}
			return "left"
		},
	}
}

// acceptRate has clients come until one is left waiting. It gets in when there is no rate any more.
func acceptRate() probe {
	var waiting net.Conn
	answered := func(conn net.Conn, wait time.Duration) string {
		_ = conn.SetReadDeadline(time.Now().Add(wait))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return "waits"
		}
		_ = response.Body.Close()
		return fmt.Sprint(response.StatusCode)
	}
	return probe{
		before: `accept-rate = "1/h burst 10"`, after: `accept-rate = "0"`, want: [2]string{"waits", "101"},
		see: func(s *subject) string {
			if s.after {
				return answered(waiting, trial.Patience)
			}
			got := ""
			for n := 0; n < 20 && got != "waits"; n++ {
				waiting = s.dial(s.front)
				_, _ = fmt.Fprintf(waiting, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
					"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s==\r\n\r\n", s.front, strings.Repeat("A", 22))
				got = answered(waiting, shortly)
			}
			return got
		},
	}
}

// dial opens a connection that lasts as long as the test.
func (s *subject) dial(address string) net.Conn {
	s.t.Helper()
	conn, err := new(net.Dialer).DialContext(s.t.Context(), "tcp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return conn
}
