package faults_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/actors/wire/transcript"
)

// Conn of package transcript.
func (c *socket) Send(message []byte) error         { c.send(string(message)); return nil }
func (c *socket) Receive() (text []byte, err error) { return c.next(), nil }

// What is no JSON, no packet, no request or no good request: the golden transcripts, through a whole server.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	transcripts, err := transcript.Load("../../../actors/wire/testdata/transcripts")
	must(t, err)
	canonical := func(message []byte) (string, error) {
		key, err := wire.CanonicalKey(message)
		return string(key), err
	}
	ways(t, unchanged, func(t *testing.T, s *site) {
		for _, tr := range transcripts {
			dial := func(string) (transcript.Conn, error) { return s.dial(t), nil }
			if err := tr.Replay(dial, canonical); err != nil {
				t.Error(err)
			}
		}
	})
}

// Large and deep packets, and those for services of the other door, are dropped without a word.
func TestDroppedPackets(t *testing.T) {
	t.Parallel()
	ways(t, unchanged, func(t *testing.T, s *site) {
		c := s.dial(t)
		intrusion := `{"channel":"bystanders","message":"intruder"}`
		c.send(
			strings.Repeat("[", 30_000),
			strings.Repeat(`{"a":`, 6_000)+"1"+strings.Repeat("}", 6_000),
			`{"service":"pubsub","message":`+strings.Repeat("[", 12_000)+strings.Repeat("]", 12_000)+`}`,
			request("pubsub", "nope", strings.Repeat("[", 12_000)+strings.Repeat("]", 12_000), "1"),
			request("pubsub_backend", "publish", intrusion, "1"),
			request("announcements_backend", "publish", intrusion, "1"),
			request("pubsub", "publish", strings.Replace(intrusion, `"intruder"`, "NaN", 1), "1"),
		)
		c.send(request("pubsub", "", "{}", `"after"`))
		c.expect(refusal("pubsub", `"after"`, "Unknown command"))
	})
}

// A client publishes where it may, and answer and delivery agree on that.
func TestWhoMayPublish(t *testing.T) {
	t.Parallel()
	ways(t, unchanged, func(t *testing.T, s *site) {
		c := s.dial(t)
		c.subscribe("pubsub", "policy")
		c.subscribe("announcements", "policy")
		c.send(request("announcements", "publish", `{"channel":"policy","message":1}`, "1"))
		c.expect(refusal("announcements", "1", "Not authorized"))
		c.call("pubsub", "publish", `{"channel":"policy","message":2}`, publication(`"policy"`, "2"))
		s.publish(t, "announcements_backend", "policy", 3)
		c.expect(strings.Replace(publication(`"policy"`, "3"), "pubsub", "announcements", 1))
	})
}

// Ids come back exactly, each once, however many requests are under way.
func TestCallIDs(t *testing.T) {
	t.Parallel()
	ways(t, unchanged, func(t *testing.T, s *site) {
		c := s.dial(t)
		var sent []string
		for _, id := range []string{
			"9007199254740993", strings.Repeat("7", 30), strings.Repeat("7", 2000), "1e400", `{"a":[null]}`, `[1,"x"]`,
			`"` + strings.Repeat("k", 4096) + `"`, `"<&>"`, `"\ud800"`, "0", `""`, "false",
		} {
			c.send(request("pubsub", "nope", "{}", id))
			if got := string(c.next()); got != refusal("pubsub", id, "Unknown command") {
				t.Errorf("id %.100s came back in %.200s", id, got)
			}
		}
		for i := range 200 {
			sent = append(sent, request("pubsub", "publish", `{"channel":"nobody","message":0}`, fmt.Sprint(i)))
		}
		c.send(sent...)
		for i := range 200 {
			c.expect(response("pubsub", fmt.Sprint(i)))
		}
	})
}

// What a backend publishes arrives as it is, or is refused.
func TestPayloads(t *testing.T) {
	t.Parallel()
	s := boot(t, unchanged)
	members := make([]string, 50_000)
	for i := range members {
		members[i] = fmt.Sprintf(`"k%d":%d`, i, i)
	}
	for _, payload := range []string{
		"null", "false", "0", `""`, "12345678901234567890", "1e400", `"<script>&</script>"`, "\"\u2028\u2029\"", `"\u0000"`, `"\ud800"`,
		strings.Repeat("[", 100) + strings.Repeat("]", 100), "{" + strings.Join(members, ",") + "}",
	} {
		s.publish(t, "pubsub_backend", bystanders, json.RawMessage(payload))
		s.bystander.expect(publication(`"`+bystanders+`"`, payload))
	}
	for _, payload := range []string{"NaN", "-Infinity", `"` + "\xff" + `"`, strings.Repeat("[", 5000) + strings.Repeat("]", 5000)} {
		body := request("pubsub_backend", "publish", `{"channel":"bystanders","message":`+payload+`}`, "1")
		if got := answer(t, s.back, post("", body)); got != 400 {
			t.Errorf("%.20q got %d", payload, got)
		}
	}
	s.well(t) // nothing of the latter was delivered
}

// Names of channels are data: they come back as they are, match no other, and say nothing in the log.
func TestNamesOfChannels(t *testing.T) {
	t.Parallel()
	var lines lockedBuffer
	s := bootLogged(t, unchanged, zerolog.New(&lines).Level(zerolog.DebugLevel))
	names := []string{
		`""`, `"\r\nX: y"`, `"\u001b[2J"`, `"\u0000"`, `"<2>root:"`, `"../../etc/passwd"`, `"*"`, `"foo.*"`, `"foo.>"`, `">"`, `"%s%n"`,
		`"\u202etxt.exe"`, `"__proto__"`, `"constructor"`, `"nonhost/pubsub/channel/$1"`, `"` + strings.Repeat("n", 255) + `"`,
		`"Bystanders"`, `"bystanders "`, `"1"`, "1", "null", "true", `["bystanders"]`, `{"bystanders":1}`, `"foo.bar"`,
	}
	all := s.dial(t)
	for _, name := range names {
		all.call("pubsub", "subscribe", `{"channel":`+name+`}`)
	}
	for i, name := range names {
		s.publish(t, "pubsub_backend", "", json.RawMessage(fmt.Sprint(-1)))
		all.expect(publication(`""`, "-1"))
		body := request("pubsub_backend", "publish", fmt.Sprintf(`{"channel":%s,"message":%d}`, name, i), "1")
		if got := answer(t, s.back, post("", body)); got != 200 {
			t.Errorf("publishing to %s: %d", name, got)
		}
		all.expect(publication(name, fmt.Sprint(i)))
	}
	// Names that would take much memory are refused, and those of the limit are not.
	for i := range 100 {
		name := fmt.Sprintf(`"%d%s"`, i, strings.Repeat("n", 60_000))
		all.send(request("pubsub", "subscribe", `{"channel":`+name+`}`, fmt.Sprint(i)))
		all.expect(refusal("pubsub", fmt.Sprint(i), "Channel name too long"))
	}
	all.call("pubsub", "unsubscribe", `{"channel":"foo.>"}`)
	s.well(t)
	for line := range strings.Lines(lines.String()) {
		if !json.Valid([]byte(line)) || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), unicode.IsControl) {
			t.Errorf("a line of the log: %q", line)
		}
	}
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
