package faults_test

import (
	"bufio"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// answer sends a request and returns the status of the answer to it; 0 if the server just closes.
func answer(t *testing.T, address, request string) int {
	t.Helper()
	conn := connect(t, address)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	sent := make(chan struct{})
	go func() { // a server that refuses early does not read all of it
		defer close(sent)
		_, _ = conn.Write([]byte(request))
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	_ = conn.Close()
	<-sent
	if timeout, ok := err.(interface{ Timeout() bool }); ok && timeout.Timeout() {
		t.Errorf("no answer to %.60q", request)
	}
	if err != nil {
		return 0
	}
	return response.StatusCode
}

const clientHello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"

// Handshakes that are none, that come from foreign pages, or that are as large as no browser makes them.
func TestHandshakesOfStrangers(t *testing.T) {
	t.Parallel()
	s := boot(t, func(cfg *server.Config) { cfg.AllowOrigins = []string{"http://app.example"} })
	good := handshake("app.example", "")
	without := func(line string) string {
		if !strings.Contains(good, line) {
			t.Fatalf("no %q", line)
		}
		return strings.Replace(good, line, "", 1)
	}
	from := func(origins ...string) string {
		lines := ""
		for _, origin := range origins {
			lines += "Origin: " + origin + "\r\n"
		}
		return handshake("app.example", lines)
	}
	for name, c := range map[string]struct {
		request  string
		statuses []int // 0: closed
	}{
		"good":               {good, []int{101}},
		"from a listed page": {from("http://app.example"), []int{101}},

		"POST":        {strings.Replace(good, "GET", "POST", 1), []int{405}},
		"no key":      {without("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"), []int{400}},
		"short key":   {strings.Replace(good, "AAAAAAAAAAAAAAAAAAAAAA==", "AAAA", 1), []int{400}},
		"version 8":   {strings.Replace(good, "Version: 13", "Version: 8", 1), []int{426}},
		"HTTP/1.0":    {strings.Replace(good, "HTTP/1.1", "HTTP/1.0", 1), []int{400}},
		"no Upgrade":  {without("Upgrade: websocket\r\n"), []int{400, 426}},
		"other path":  {strings.Replace(good, "/ws", "/", 1), []int{404}},
		"pprof":       {strings.Replace(good, "/ws", "/debug/pprof/", 1), []int{404}},
		"expvar":      {strings.Replace(good, "/ws", "/debug/vars", 1), []int{404}},
		"metrics":     {strings.Replace(good, "/ws", "/metrics", 1), []int{404}},
		"backend":     {strings.Replace(good, "GET /ws", "POST /backend", 1), []int{404}},
		"foreign":     {from("https://evil.example"), []int{403}},
		"null":        {from("null"), []int{403}},
		"subdomain":   {from("http://app.example.evil.example"), []int{403}},
		"ending":      {from("http://evilapp.example"), []int{403}},
		"user":        {from("http://app.example@evil.example"), []int{403}},
		"two origins": {from("http://app.example", "http://evil.example"), []int{403}},
		"file":        {from("file://"), []int{403}},
		// A foreign name that points to this server. Only a list of origins helps.
		"rebinding": {handshake("evil.example", "Origin: http://evil.example\r\n"), []int{403}},

		"3000 headers":    {handshake("a", strings.Repeat("X-A: b\r\n", 3000)), []int{101, 400, 431}},
		"header of 4 MiB": {handshake("a", "X-A: "+strings.Repeat("b", 4<<20)+"\r\n"), []int{400, 431}},
		"8000 blanks":     {handshake("a", "Sec-WebSocket-Protocol: chat,"+strings.Repeat(" ", 8000)+"x\r\n"), []int{101}},
		"absurd deflate": {handshake("a", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99999; "+
			strings.Repeat("x=y; ", 500)+"z\r\n"), []int{101}},

		"frame glued to it": {good + string(frame(text, "{}")), []int{0, 400, 500}},
		"HTTP/2":            {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", []int{0, 400, 404, 505}},
		"no HTTP":           {"\x00\xff\x80\r\n\r\n", []int{0, 400}},
	} {
		if got := answer(t, s.front, c.request); !slices.Contains(c.statuses, got) {
			t.Errorf("%s: status %d, want one of %d", name, got, c.statuses)
		}
	}
	s.well(t)
	s.welcome(t)
}

// Clients that take their time with the first request are cut off, on both ports, and keep nobody out meanwhile.
func TestSlowHandshakes(t *testing.T) {
	t.Parallel()
	s := boot(t, func(cfg *server.Config) { cfg.HeaderTimeout = 2 * time.Second })
	noise := make([]byte, 500)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	var dripping []chan struct{}
	for _, address := range []string{s.front, s.back} {
		good := handshake(address, "")
		starts := []string{clientHello, string(noise), good[:1]}
		starts = append(starts, slices.Repeat([]string{""}, 60)...)
		starts = append(starts, slices.Repeat([]string{good[:len(good)/2]}, 30)...)
		for _, start := range starts {
			conn := connect(t, address)
			_, _ = conn.Write([]byte(start))
			defer ends(t, conn)
		}
		for range 10 {
			conn := connect(t, address)
			done := make(chan struct{})
			dripping = append(dripping, done)
			go func() {
				defer close(done)
				drip(conn, good, 100*time.Millisecond)
			}()
			defer ends(t, conn)
		}
	}
	s.well(t)
	s.welcome(t)
	for _, done := range dripping {
		<-done
	}
	s.well(t) // and whoever has shaken hands is not held to that time any more
}

// drip sends one byte at a time, as long as it is let.
func drip(conn interface{ Write([]byte) (int, error) }, bytes string, pause time.Duration) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for i := range len(bytes) {
		if _, err := conn.Write([]byte(bytes[i : i+1])); err != nil {
			return
		}
		<-tick.C
	}
}

// Connections that never ask for anything keep nobody out.
func TestManyConnectionsWithoutHandshake(t *testing.T) {
	t.Parallel()
	s := boot(t, unchanged)
	for _, address := range []string{s.front, s.back} {
		for range 250 {
			connect(t, address)
		}
	}
	s.welcome(t)
	s.well(t)
}
