package faults_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const tokenSecret = "a secret that is long enough for the hash it is used with"

// token is one of HS256 that says who somebody is for an hour.
func token(t *testing.T, who any) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{"sub": who, "exp": time.Now().Add(time.Hour).Unix()})
	must(t, err)
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	mac := hmac.New(sha256.New, []byte(tokenSecret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// runRooms starts the program with a chat, cursors and DataSync, and clients that can say who they are.
func runRooms(t *testing.T, args ...string) *program {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte(tokenSecret), 0o600))
	return runWith(t, fmt.Sprintf(`
token-algorithms = ["HS256"]
token-secret-file = %q
[[chat]]
name = "chat"
[[cursors]]
name = "cursors"
[[datasync]]
name = "datasync"
[[datasync.dealer]]
name = "all"
model = "Task"
kind = "broadcast"
[[datasync.dealer]]
name = "owned"
model = "Task"
kind = "key"
field = "owner"
[[datasync.dealer]]
name = "filtered"
model = "Task"
kind = "filter"
`, secret), args...)
}

// dialAs opens a WebSocket of somebody.
func (p *program) dialAs(t *testing.T, who any) *socket {
	t.Helper()
	c := p.dial(t)
	c.send(request("session", "authenticate", fmt.Sprintf(`{"token":%q}`, token(t, who)), `"as"`))
	if answer := string(c.next()); !strings.Contains(answer, `"response"`) {
		t.Fatal(answer)
	}
	return c
}

// answered reads on until the answer to a call of this id, and returns it with what came before.
func (c *socket) answered(service, id string) (answer string, before []string) {
	c.t.Helper()
	for {
		got := string(c.next())
		if strings.Contains(got, `"callId":`+id) && strings.Contains(got, `"service":"`+service+`"`) {
			return got, before
		}
		before = append(before, got)
	}
}

// hear reads on until a text with these words.
func (c *socket) hear(words string) {
	c.t.Helper()
	for {
		if strings.Contains(string(c.next()), words) {
			return
		}
	}
}

// hearNext expects a text with these words, after those who leave.
func (c *socket) hearNext(words string) {
	c.t.Helper()
	got := string(c.next())
	for strings.Contains(got, `"status":"left"`) {
		got = string(c.next())
	}
	if !strings.Contains(got, words) {
		c.t.Fatalf("got %.200s, not %.100s", got, words)
	}
}

// enter joins a chat channel or a document.
func (c *socket) enter(service, room string) (answer string) {
	c.t.Helper()
	parameter := map[string]string{"chat": "channel", "cursors": "document"}[service]
	c.send(request(service, "join", fmt.Sprintf(`{%q:%q}`, parameter, room), `"enter"`))
	answer, _ = c.answered(service, `"enter"`)
	if !strings.Contains(answer, `"response"`) {
		c.t.Fatalf("entering %s: %s", room, answer)
	}
	return answer
}

// FAULTS 56: a crowd in one room, that goes without a word and comes back at once, three times.
func TestStormsOfRooms(t *testing.T) {
	t.Parallel()
	p := runRooms(t)
	const crowd = 150
	host := p.dialAs(t, "host")
	host.enter("chat", "hall")
	host.enter("cursors", "plan")
	for storm := range 3 {
		clients := make([]*socket, crowd)
		for i := range clients {
			c := p.dialAs(t, i)
			c.enter("chat", "hall")
			c.enter("cursors", "plan")
			c.send(request("cursors", "createCursor", `{"privateHandle":1,"document":"plan","position":0,"status":0}`, `"create"`))
			c.answered("cursors", `"create"`)
			clients[i] = c
		}
		said := fmt.Sprintf(`"everybody hears %d"`, storm)
		host.send(request("chat", "send", `{"channel":"hall","body":`+said+`}`, `"say"`))
		if _, before := host.answered("chat", `"say"`); !strings.Contains(before[len(before)-1], said) {
			t.Errorf("the speaker hears %s last", before[len(before)-1])
		}
		for _, c := range clients {
			c.hear(said)
			reset(c.conn)
		}
		// The host hears each of them leave, once, and each cursor go.
		left, removed := 0, 0
		for left < crowd || removed < crowd {
			switch got := string(host.next()); {
			case strings.Contains(got, `"left"`):
				left++
			case strings.Contains(got, `"cursorRemoved"`):
				removed++
			default:
				t.Fatalf("the host hears %s", got)
			}
		}
	}
	last := p.dialAs(t, "last")
	if got := last.enter("chat", "hall"); !strings.Contains(got, `"host"`) || !strings.Contains(got, `"last"`) || strings.Count(got, ",") > 6 {
		t.Errorf("the last to come finds %s", got)
	}
	if got := last.enter("cursors", "plan"); !strings.Contains(got, `"cursors":[]`) {
		t.Errorf("the last to come finds %s", got)
	}
	p.alive(stranger)
}

// FAULTS 58: members that take nothing cost what may wait for them, and hold up neither the speaker nor who reads.
func TestMembersThatDoNotRead(t *testing.T) {
	t.Parallel()
	const (
		slow   = 10
		rounds = 250 // of 60 KiB
	)
	p := runRooms(t)
	for i := range slow {
		c := p.dialAs(t, i)
		must(t, c.conn.SetReadBuffer(4096))
		c.enter("chat", "hall")
		c.enter("cursors", "plan")
	}
	speaker, healthy := p.dialAs(t, "speaker"), p.dialAs(t, "healthy")
	for _, c := range []*socket{speaker, healthy} {
		c.enter("chat", "hall")
		c.enter("cursors", "plan")
	}
	pad := strings.Repeat("x", 60<<10)
	speaker.send(request("cursors", "createCursor", `{"privateHandle":1,"document":"plan","position":0,"status":0}`, `"create"`))
	speaker.answered("cursors", `"create"`)
	healthy.hear("cursorAdded")
	for i := range rounds {
		speaker.send(
			request("chat", "send", fmt.Sprintf(`{"channel":"hall","body":"said %d %s"}`, i, pad), `"say"`),
			request("cursors", "updateCursor", fmt.Sprintf(`{"privateHandle":1,"newData":{"position":"moved %d %s"}}`, i, pad), `"move"`),
		)
		speaker.answered("cursors", `"move"`)
		healthy.hearNext(fmt.Sprintf(`"said %d %s"`, i, pad))
		healthy.hearNext(fmt.Sprintf(`"moved %d %s"`, i, pad))
	}
	p.alive(stranger + slow)
	eventually(t, "the slow members are cut off", func() bool {
		return strings.Count(p.log.String(), "cut off") == slow
	})
}

// FAULTS 59: calls whose answers nobody reads. FAULTS 60: rooms and cursors without end cost what the limits allow, and
// are given back with the connection.
func TestFloodsOfRooms(t *testing.T) {
	t.Parallel()
	p := runRooms(t, "-write-timeout", "2s", "-send-buffer", "4KiB")
	deaf := p.dialAs(t, "deaf")
	must(t, deaf.conn.SetReadBuffer(4096))
	joins := frame(text, request("chat", "join", `{"channel":"hall"}`, `"`+strings.Repeat("j", 900)+`"`))
	_ = deaf.conn.SetWriteDeadline(time.Now().Add(patience))
	for err := error(nil); err == nil; {
		_, err = deaf.conn.Write(joins)
	}

	var peaks []int
	for range 3 {
		c := p.dialAs(t, "greedy")
		for service, parameter := range map[string]string{"chat": "channel", "cursors": "document"} {
			turns(c, 1_500, func(i int) (string, string) {
				sent := request(service, "join", fmt.Sprintf(`{%q:%d}`, parameter, i), fmt.Sprint(i))
				switch {
				case i >= 1000:
					return sent, refusal(service, fmt.Sprint(i), "Too many channels or documents joined")
				case service == "chat":
					return sent, data(service, fmt.Sprint(i), `{"members":["greedy"]}`)
				}
				return sent, data(service, fmt.Sprint(i), `{"cursors":[]}`)
			})
			turns(c, 1_000, func(i int) (string, string) {
				command := []string{"leave", "join"}[i%2]
				want := response(service, fmt.Sprint(i))
				if command == "join" {
					want = data(service, fmt.Sprint(i), map[string]string{"chat": `{"members":["greedy"]}`, "cursors": `{"cursors":[]}`}[service])
				}
				return request(service, command, fmt.Sprintf(`{%q:7}`, parameter), fmt.Sprint(i)), want
			})
		}
		cursorsWithoutEnd(t, c)
		reset(c.conn)
		p.well(t)
		peaks = append(peaks, p.status("VmHWM"))
	}
	if first, last := peaks[0], peaks[2]; last > first*3/2+20<<10 {
		t.Errorf("the peak rose from %d to %d KiB, though nobody was there twice", first, last)
	}
	p.alive(stranger)
}

// cursorsWithoutEnd creates more cursors than a connection may have, and one over and over.
func cursorsWithoutEnd(t *testing.T, c *socket) {
	t.Helper()
	for i := range 1_000 {
		c.send(request("cursors", "createCursor", fmt.Sprintf(`{"privateHandle":%d,"document":1,"position":0,"status":0}`, i%20), `"create"`))
		answer, _ := c.answered("cursors", `"create"`)
		switch refused := strings.Contains(answer, `"error"`); {
		case i < 16 && refused, i >= 16 && i%20 >= 16 && !strings.Contains(answer, "Too many cursors"):
			t.Fatalf("cursor %d: %s", i, answer)
		case i%20 < 16 && !refused && i >= 16:
			t.Fatalf("cursor %d: %s", i, answer)
		}
	}
	for range 300 {
		c.call("cursors", "removeCursor", `{"privateHandle":3}`)
		c.send(request("cursors", "createCursor", `{"privateHandle":3,"document":1,"position":0,"status":0}`, `"again"`))
		if answer, _ := c.answered("cursors", `"again"`); !strings.Contains(answer, `"response"`) {
			t.Fatal(answer)
		}
	}
}

// FAULTS 62 and 63: eight speak at once while others leave in the middle of joining. Each is heard once and in order,
// the room works afterwards, and a quiet one beside it is not delayed.
func TestLeavingRoomsWhileOthersSpeak(t *testing.T) {
	t.Parallel()
	p := runRooms(t)
	const speakers, each = 8, 200
	reader := p.dialAs(t, "reader")
	reader.enter("chat", "hot")
	var all sync.WaitGroup
	for s := range speakers {
		c := p.dialAs(t, s)
		c.enter("chat", "hot")
		var frames []byte
		for i := range each {
			frames = append(frames, frame(text, request("chat", "send", fmt.Sprintf(`{"channel":"hot","body":[%d,%d]}`, s, i), fmt.Sprint(i)))...)
		}
		all.Go(func() { c.raw(frames) })
		all.Go(func() { c.answered("chat", fmt.Sprint(each-1)) })
	}
	var heard [speakers]int
	all.Go(func() {
		for left := speakers * each; left > 0; {
			got := string(reader.next())
			_, after, ok := strings.Cut(got, `"body":[`)
			if !ok {
				continue // somebody comes or goes
			}
			var s, i int
			if _, err := fmt.Sscanf(after, "%d,%d]", &s, &i); err != nil || i != heard[s] {
				t.Errorf("%s when number %d was due (%v)", got, heard[s], err)
				return
			}
			heard[s]++
			left--
		}
	})
	joining := frame(text, request("chat", "join", `{"channel":"hot"}`, "1"))
	for i := range 150 {
		c := p.dialAs(t, 1000+i)
		c.raw(joining[:len(joining)-i%2])
		reset(c.conn)
	}
	quiet := p.dialAs(t, "quiet")
	quiet.enter("chat", "cold")
	start := time.Now()
	quiet.send(request("chat", "send", `{"channel":"cold","body":1}`, `"cold"`))
	quiet.answered("chat", `"cold"`)
	if took := time.Since(start); took > proofTime {
		t.Errorf("a quiet room took %v", took)
	}
	all.Wait()
	last := p.dialAs(t, "last")
	last.enter("chat", "hot")
	last.send(request("chat", "send", `{"channel":"hot","body":"works"}`, `"works"`))
	last.answered("chat", `"works"`)
	p.alive(stranger)
}
