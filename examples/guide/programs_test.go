package guide

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// program is one of the later steps in one language.
type program struct {
	name string // as the message says it
	run  []string
}

func goProgram(step string) []string { return []string{filepath.Join(programs, step)} }

func pythonProgram(file string) []string { return []string{"python3", "-W", "error", file} }

func TestPublishing(t *testing.T) {
	s := start(t, "3-local", nil, "-key-file", keyFile(t))
	for _, p := range []program{
		{"Go", goProgram("4-http")},
		{"Python", pythonProgram("4-http/publish.py")},
		{"curl", []string{"4-http/publish.sh"}},
	} {
		t.Run(p.name, func(t *testing.T) {
			browser := s.listen()
			if got := execute(t, s.environment(key), p.run[0], p.run[1:]...); got != (outcome{}) {
				t.Fatalf("got %+v", got)
			}
			want := `{"by":"` + p.name + `","delay":5,"train":"IC 612"}`
			if got := browser.next(); toJSON(got["message"]) != want {
				t.Errorf("the browser got %v", got)
			}
			if got := execute(t, s.environment("wrong"), p.run[0], p.run[1:]...); got.status == 0 || !strings.Contains(got.said, "401") {
				t.Errorf("with a wrong key: %+v", got)
			}
		})
	}
}

func TestReadingTheAnswer(t *testing.T) {
	s := start(t, "3-local", nil, "-key-file", keyFile(t))
	python := []string{"PYTHONPATH=../../backendapi/python", "PYTHONDONTWRITEBYTECODE=1"}
	for _, p := range []struct {
		program
		returned, refused, shut string // what it says of a result, an error of the service and a wrong key
		seen                    string // by browsers
	}{
		{
			program{"Go", goProgram("5-response")},
			"the service returned null", "the service refused: Unknown command", "the door refused: 401", `"read by Go"`,
		},
		{
			program{"Python", pythonProgram("5-response/call.py")},
			"the service returned null", "the service refused: Unknown command", "the door refused: 401", `"read by Python"`,
		},
		{
			program{"curl", []string{"5-response/call.sh"}},
			"the door said 200", `"message":"Unknown command"`, "the door said 401", `"read by curl"`,
		},
		{
			program{"the Go connector", goProgram("6-connector")},
			"the service returned null", "the service refused: Unknown command", "the door refused: 401",
			`{"by":"the Go connector","delay":5,"train":"IC 612"}`,
		},
		{
			program{"the Python connector", pythonProgram("6-connector/call.py")},
			"the service returned None", "the service refused: Unknown command", "the door refused: 401",
			`{"by":"the Python connector","delay":5,"train":"IC 612"}`,
		},
	} {
		t.Run(p.name, func(t *testing.T) {
			run := func(url, key string, arguments ...string) outcome {
				t.Helper()
				environment := append([]string{"BACKEND_URL=" + url, "BACKEND_KEY=" + key}, python...)
				return execute(t, environment, p.run[0], append(p.run[1:], arguments...)...)
			}
			shows := p.name == "curl" // it shows every answer and ends with status 0, the others fail
			browser := s.listen()
			if got := run(s.url, key); got.status != 0 || !strings.Contains(got.said, p.returned) {
				t.Errorf("a command that works: %+v", got)
			}
			if got := browser.next(); toJSON(got["message"]) != p.seen {
				t.Errorf("the browser got %v", got)
			}
			if got := run(s.url, key, "shout"); (got.status == 0) != shows || !strings.Contains(got.said, p.refused) {
				t.Errorf("a command that is none: %+v", got)
			}
			if got := run(s.url, "wrong"); (got.status == 0) != shows || !strings.Contains(got.said, p.shut) {
				t.Errorf("a wrong key: %+v", got)
			}
			if got := run("http://"+deadAddress(t)+"/backend", key); got.status == 0 || strings.Contains(got.said, key) {
				t.Errorf("without a server: %+v", got)
			}
		})
	}
}

// deadAddress is one at which nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	return l.Addr().String()
}
