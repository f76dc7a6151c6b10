package faults_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

const backendHead = "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: " + testKey + "\r\n"

// post is a correct request of a backend, with additional header lines.
func post(lines, body string) string {
	return fmt.Sprintf("%s%sContent-Length: %d\r\n\r\n%s", backendHead, lines, len(body), body)
}

func publish(channel, message string) string {
	return request("pubsub_backend", "publish", fmt.Sprintf(`{"channel":%q,"message":%s}`, channel, message), "1")
}

// Requests that nobody with the key would send, or that are ambiguous. Those who got through would be heard by the
// bystander.
func TestBadBackendRequests(t *testing.T) {
	t.Parallel()
	s := boot(t, unchanged)
	intrusion := publish(bystanders, `"intruder"`)
	good := publish("nobody", "1")
	key := "X-Backend-Key: " + testKey + "\r\n"
	withKeys := func(lines string) string { return strings.Replace(post("", intrusion), key, lines, 1) }
	chunks := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(intrusion), intrusion)
	chunked := backendHead + "Transfer-Encoding: chunked\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(intrusion))
	type attempt struct {
		name, request string
		statuses      []int // 0: closed
	}
	all := []attempt{
		{"good", post("", good), []int{200}},
		{"good chunks", chunked + "\r\n" + strings.ReplaceAll(chunks, bystanders, "nobodywhoi"), []int{200}},

		{"no key", withKeys(""), []int{401}},
		{"wrong key", withKeys("X-Backend-Key: wrong\r\n"), []int{401}},
		{"empty key", withKeys("X-Backend-Key: \r\n"), []int{401}},
		{"prefix", withKeys("X-Backend-Key: " + testKey[:len(testKey)-1] + "\r\n"), []int{401}},
		{"longer key", withKeys("X-Backend-Key: " + testKey + "x\r\n"), []int{401}},
		{"other case", withKeys("X-Backend-Key: " + strings.ToUpper(testKey) + "\r\n"), []int{401}},
		{"query", strings.Replace(withKeys(""), "/backend", "/backend?X-Backend-Key="+testKey, 1), []int{401}},
		{"cookie", withKeys("Cookie: X-Backend-Key=" + testKey + "\r\n"), []int{401}},
		{"bearer", withKeys("Authorization: Bearer " + testKey + "\r\n"), []int{401}},
		{"underscores", withKeys("X_Backend_Key: " + testKey + "\r\n"), []int{401}},
		{"wrong and right", withKeys("X-Backend-Key: wrong\r\n" + key), []int{401}},
		{"right and wrong", withKeys(key + "X-Backend-Key: wrong\r\n"), []int{401}},
		{"wrong key, 1 GiB", "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: wrong\r\nContent-Length: 1073741824\r\n\r\n", []int{401}},
		{"wrong key, may I", "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: wrong\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", []int{401}},

		{"other Content-Type", post("Content-Type: text/html\r\n", good), []int{200, 415}},
		{"unknown service", post("", strings.Replace(intrusion, "pubsub_backend", "pubsub", 1)), []int{404}},
		{"no call", post("", `{"service":"pubsub_backend","message":{"channel":"bystanders"}}`), []int{400}},
		{"invalid params", post("", strings.Replace(intrusion, `"channel"`, `"Channel"`, 1)), []int{200, 400}},
		{"unknown command", post("", strings.Replace(intrusion, `"publish"`, `"Publish"`, 1)), []int{200, 400}},

		{"100 MiB", backendHead + "Content-Length: 104857600\r\n\r\n", []int{413}},
		{"gzip", post("Content-Encoding: gzip\r\n", "\x1f\x8b\x08"), []int{415}},
		{"header of 2 MiB", post("X-A: "+strings.Repeat("b", 2<<20)+"\r\n", intrusion), []int{431}},
		{"10,000 headers", post(strings.Repeat("X-A: b\r\n", 10_000), intrusion), []int{431}},
		{"request line of 1 MiB", strings.Replace(post("", intrusion), "/backend", "/backend?"+strings.Repeat("a", 1<<20), 1), []int{414, 431}},

		{"length and chunks", backendHead + length + "Transfer-Encoding: chunked\r\n\r\n" + chunks, []int{400}},
		{"two lengths", backendHead + length + "Content-Length: 0\r\n\r\n" + intrusion, []int{400}},
		{"xchunked", backendHead + "Transfer-Encoding: xchunked\r\n\r\n" + chunks, []int{400}},
		{"chunked twice", chunked + "Transfer-Encoding: chunked\r\n\r\n" + chunks, []int{400}},
		{"blank before the colon", backendHead + strings.Replace(length, ":", " :", 1) + "\r\n" + intrusion, []int{400}},
		{"length with a plus", backendHead + strings.Replace(length, ": ", ": +", 1) + "\r\n" + intrusion, []int{400}},
		{"negative length", backendHead + "Content-Length: -1\r\n\r\n" + intrusion, []int{400}},
		{"bare LF in an extension", chunked + "\r\n2;a\nxx\r\n" + chunks, []int{400}},
		{"chunk of 2^68", chunked + "\r\nfffffffffffffffff\r\n" + chunks, []int{400}},
		{"NUL in a header", post("X-A: a\x00b\r\n", intrusion), []int{400}},
		{"no Host", strings.Replace(post("", intrusion), "Host: x\r\n", "", 1), []int{400}},

		{"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{0, 400, 404, 505}},
		{"HTTP/0.9", "GET /backend\r\n", []int{0, 400}},
		{"absolute address", strings.Replace(post("", good), "/backend", "http://evil.example/backend", 1), []int{200, 400, 404}},
		{"WebSocket handshake", strings.Replace(handshake("x", key), "/ws", "/backend", 1), []int{400, 405, 426}},
		{"pprof", "GET /debug/pprof/ HTTP/1.1\r\nHost: x\r\n\r\n", []int{404}},
		{"other path", "POST /ws HTTP/1.1\r\nHost: x\r\n\r\n", []int{404}},
	}
	for _, method := range []string{"GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "FOO", "post"} {
		all = append(all, attempt{method, strings.Replace(post("Origin: http://evil.example\r\n", intrusion), "POST", method, 1), []int{405}})
	}
	for _, body := range []string{
		"", "publish", intrusion[:len(intrusion)-1], "\ufeff" + intrusion, intrusion + "x", intrusion + intrusion,
		intrusion + "\x00", strings.Replace(intrusion, "intruder", "\xff", 1), strings.Replace(intrusion, `"intruder"`, "NaN", 1),
	} {
		all = append(all, attempt{fmt.Sprintf("body %.30q", body), post("", body), []int{400}})
	}
	for _, a := range all {
		// What follows a request on the same connection is a request of its own, or is not carried out.
		if got := answer(t, s.back, a.request); !slices.Contains(a.statuses, got) {
			t.Errorf("%s: status %d, want one of %d", a.name, got, a.statuses)
		}
	}
	s.well(t)
}

// A second request that hides in the body of a badly framed one is not carried out.
func TestHiddenBackendRequests(t *testing.T) {
	t.Parallel()
	s := boot(t, unchanged)
	hidden := post("", publish(bystanders, `"hidden"`))
	for _, lines := range []string{
		"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
		"Content-Length: 5\r\nContent-Length: 0\r\n", "Content-Length: +5\r\n", "Content-Length : 5\r\n", "Transfer-Encoding: xchunked\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Transfer-Encoding:\r\n chunked\r\n",
	} {
		conn := connect(t, s.back)
		_, err := io.WriteString(conn, backendHead+lines+"\r\n0\r\n\r\n"+hidden)
		must(t, err)
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		said, _ := io.ReadAll(conn)
		if n := strings.Count(string(said), "HTTP/1.1 "); n != 1 || !strings.HasPrefix(string(said), "HTTP/1.1 400 ") {
			t.Errorf("%q: got %.300q", lines, said)
		}
	}
	s.well(t)
}

// Publications that come in one packet are carried out and answered in order.
func TestPipelinedPublications(t *testing.T) {
	t.Parallel()
	s := boot(t, unchanged)
	const n = 3000
	conn := connect(t, s.back)
	sent := make(chan error, 1)
	go func() {
		var all strings.Builder
		for i := range n {
			all.WriteString(post("", publish(bystanders, fmt.Sprint(i))))
		}
		_, err := io.WriteString(conn, all.String())
		sent <- err
	}()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	answers := bufio.NewReader(conn)
	for i := range n {
		response, err := http.ReadResponse(answers, nil)
		must(t, err)
		_, _ = io.Copy(io.Discard, response.Body)
		if response.StatusCode != http.StatusOK {
			t.Fatalf("publication %d: %s", i, response.Status)
		}
		s.bystander.expect(publication(`"`+bystanders+`"`, fmt.Sprint(i)))
	}
	must(t, <-sent)
	s.well(t)
}

// Whoever guesses keys, or leaves before the answer, keeps out nobody who has the key.
func TestGuessesAndLeavers(t *testing.T) {
	t.Parallel()
	s := boot(t, unchanged)
	wrong := strings.Replace(post("", publish(bystanders, `"guess"`)), testKey, "guess", 1)
	conn := connect(t, s.back)
	answers := bufio.NewReader(conn)
	for range 500 {
		_, err := io.WriteString(conn, strings.Replace(wrong, "\r\n", "\r\nConnection: close\r\n", 1))
		must(t, err)
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		response, err := http.ReadResponse(answers, nil)
		must(t, err)
		_ = conn.Close()
		if response.StatusCode != http.StatusUnauthorized {
			t.Fatalf("status %s", response.Status)
		}
		conn = connect(t, s.back)
		answers.Reset(conn)
	}
	for range 200 {
		leaver := connect(t, s.back)
		_, _ = io.WriteString(leaver, post("", publish("leavers", "1")))
		reset(leaver)
	}
	s.well(t)
}

// Requests that do not end are cut off.
func TestSlowBackendRequests(t *testing.T) {
	t.Parallel()
	s := boot(t, func(cfg *server.Config) { cfg.BackendTimeout, cfg.HeaderTimeout = 2*time.Second, 2*time.Second })
	for _, start := range []string{
		"", backendHead, backendHead + "Content-Length: 1000\r\n\r\n", backendHead + "Content-Length: 1000\r\n\r\n{",
		backendHead + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n{", backendHead + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		backendHead + "Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
	} {
		for range 30 {
			conn := connect(t, s.back)
			_, _ = io.WriteString(conn, start)
			defer ends(t, conn)
		}
	}
	s.well(t)
}
