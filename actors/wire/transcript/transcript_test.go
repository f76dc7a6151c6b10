package transcript_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors/wire/transcript"
)

// server answers each text it knows with a list of messages to a connection, in order, and others not at all.
type server struct {
	answers map[string][]answer
	conns   map[string]*conn
}

type answer struct{ to, message string }

type conn struct {
	server *server
	name   string
	inbox  []string
}

var errNothing = errors.New("nothing there")

func (c *conn) Send(text []byte) error {
	for _, a := range c.server.answers[string(text)] {
		c.server.conns[a.to].inbox = append(c.server.conns[a.to].inbox, a.message)
	}
	if strings.Contains(string(text), `"end of transcript"`) {
		c.inbox = append(c.inbox, `{"message":{"message":"Unknown command","type":"error","callId":"end of transcript"},"service":"pubsub"}`)
	}
	return nil
}

func (c *conn) Receive() ([]byte, error) {
	if len(c.inbox) == 0 {
		return nil, errNothing
	}
	message := c.inbox[0]
	c.inbox = c.inbox[1:]
	return []byte(message), nil
}

func (s *server) dial(name string) (transcript.Conn, error) {
	c := &conn{server: s, name: name}
	s.conns[name] = c
	return c, nil
}

// canonical is good enough for texts with small numbers.
func canonical(message []byte) (string, error) {
	var value any
	if err := json.Unmarshal(message, &value); err != nil {
		return "", err
	}
	text, err := json.Marshal(value)
	return string(text), err
}

// A replay that lets things pass would make every transcript worthless.
func TestReplayFindsWhatIsWrong(t *testing.T) {
	answers := map[string][]answer{
		"x":       {{"a", `"for x"`}},
		`{"y":1}`: {{"a", `{"n":1,"o":2}`}, {"b", `"for b"`}, {"a", `"done"`}},
		"broken":  {{"a", `NaN`}},
	}
	for name, test := range map[string]struct{ steps, want string }{
		"right":            {`{"conn":"a","text":"x","receive":{"a":["for x"]}}`, ""},
		"dropped":          {`{"conn":"a","text":"z"},{"conn":"b","send":1}`, ""},
		"several":          {`{"conn":"a","send":{"y":1},"receive":{"a":[{"o":2,"n":1.0},"done"],"b":["for b"]}}`, ""},
		"missing":          {`{"conn":"a","text":"z","receive":{"a":["for x"]}}`, `t, step 1 (z): a waits for "for x"`},
		"missing at other": {`{"conn":"a","text":"x","receive":{"a":["for x"],"b":["for x"]}}`, "b waits for"},
		"surplus":          {`{"conn":"a","text":"x"}`, "t, end: a: got"},
		"surplus at other": {`{"conn":"b","text":"x"},{"conn":"a","text":"z"}`, "t, end: a: got"},
		"different":        {`{"conn":"a","text":"z"},{"conn":"a","text":"x","receive":{"a":["for y"]}}`, `step 2 (x): a: got "for x", want "for y"`},
		"other order":      {`{"conn":"a","send":{"y":1},"receive":{"a":["done",{"n":1,"o":2}],"b":["for b"]}}`, "a: got"},
		"not JSON":         {`{"conn":"a","text":"broken","receive":{"a":[1]}}`, `got "NaN"`},
		"bad expectation":  {`{"conn":"a","text":"x","receive":{"a":[1e999]}}`, `expects "1e999"`},
	} {
		transcripts, err := transcript.Load(folder(t, `{"title":"t","section":"4","steps":[`+test.steps+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		s := &server{answers: answers, conns: map[string]*conn{}}
		if strings.Contains(test.steps, `"conn":"b"`) || strings.Contains(test.steps, `"b":`) {
			if got := strings.Join(transcripts[0].Conns(), " "); got != "a b" {
				t.Errorf("%s: connections %s", name, got)
			}
		}
		err = transcripts[0].Replay(s.dial, canonical)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

type deaf struct{ err error }

func (d deaf) Send([]byte) error      { return d.err }
func (deaf) Receive() ([]byte, error) { return nil, errNothing }

func TestReplayEndsWithBrokenConnections(t *testing.T) {
	errBroken := errors.New("broken")
	tr := transcript.Transcript{Steps: []transcript.Step{{Conn: "a", Send: json.RawMessage("{}")}}}
	for _, dial := range []func(string) (transcript.Conn, error){
		func(string) (transcript.Conn, error) { return nil, errBroken },
		func(string) (transcript.Conn, error) { return deaf{errBroken}, nil },
	} {
		if err := tr.Replay(dial, canonical); !errors.Is(err, errBroken) {
			t.Errorf("%v", err)
		}
	}
}

func TestLoad(t *testing.T) {
	transcripts, err := transcript.Load(filepath.Join("..", "testdata", "transcripts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range transcripts {
		if tr.Name == "" || tr.Title == "" || tr.Section == "" || len(tr.Steps) == 0 {
			t.Errorf("%s is incomplete", tr.Name)
		}
	}
	if len(transcripts) < 2 || transcripts[0].Name >= transcripts[1].Name {
		t.Errorf("%d transcripts out of order", len(transcripts))
	}
}

func TestLoadRefusesBrokenTranscripts(t *testing.T) {
	for _, content := range []string{
		``, `{`, `[]`, `{}`, `{"steps":[]}`, `{"steps":[{"send":1}]}`, `{"steps":[{"conn":"a"}]}`, `{"steps":[{"conn":"a","send":1,"text":"x"}]}`,
	} {
		if _, err := transcript.Load(folder(t, content)); err == nil {
			t.Errorf("%s is accepted", content)
		}
	}
	if _, err := transcript.Load(t.TempDir()); err == nil {
		t.Error("an empty folder is accepted")
	}
	if _, err := transcript.Load("["); err == nil {
		t.Error("a folder that cannot be is accepted")
	}
	noFile := t.TempDir()
	if err := os.Mkdir(filepath.Join(noFile, "x.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := transcript.Load(noFile); err == nil {
		t.Error("a folder in place of a file is accepted")
	}
}

// folder returns one that holds a transcript t.json.
func folder(t *testing.T, content string) string {
	t.Helper()
	name := t.TempDir()
	if err := os.WriteFile(filepath.Join(name, "t.json"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
