package calculator_test

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/examples/calculator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type answer struct {
	Type    string
	Data    json.RawMessage
	Message string
}

// newCaller returns a function that makes calls as a backend does, which needs no connection.
func newCaller(t *testing.T) func(message string) answer {
	t.Helper()
	broker, err := actors.NewBroker(actors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Shutdown(context.WithoutCancel(t.Context()), 0); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	if err := broker.Backend().Register("calculator", calculator.Calculator{}); err != nil {
		t.Fatal(err)
	}
	return func(message string) answer {
		t.Helper()
		raw, err := broker.Call(t.Context(), "calculator", []byte(message))
		if err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := json.Unmarshal(raw, &a); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		return a
	}
}

func TestSum(t *testing.T) {
	call := newCaller(t)
	nines := strings.Repeat("9", 400) // far beyond the range of a double
	for _, c := range []struct{ a, b, want string }{
		{"1", "2", "3"},
		{"-5", "5", "0"},
		{"1", "2.5", "3.5"},
		{"0.1", "0.2", "0.30000000000000004"},
		{"1e3", "1", "1001"},
		{"9007199254740993", "0", "9007199254740993"}, // 2^53 + 1
		{"9007199254740993", "-9007199254740994", "-1"},
		{"18446744073709551616", "1", "18446744073709551617"},
		{nines, "1", "1" + strings.Repeat("0", 400)},
	} {
		got := call(`{"command":"sum","params":{"number1":` + c.a + `,"number2":` + c.b + `}}`)
		if got.Type != "response" || string(got.Data) != c.want {
			t.Errorf("%s + %s = %+v, want %s", c.a, c.b, got, c.want)
		}
	}
}

func TestLog(t *testing.T) {
	call := newCaller(t)
	for _, c := range []struct {
		params string
		want   float64
	}{
		{`{"number":8,"base":2}`, 3},
		{`{"number":2.718}`, 1},
		{`{"number":1}`, 0},
		{`{"number":0.125,"base":2}`, -3},
		{`{"number":100,"base":0.1}`, -2},
	} {
		got := call(`{"command":"log","params":` + c.params + `}`)
		var value float64
		if err := json.Unmarshal(got.Data, &value); err != nil || math.Abs(value-c.want) > 1e-9 {
			t.Errorf("log %s = %+v, want %v", c.params, got, c.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	call := newCaller(t)
	for _, c := range []struct{ command, params, want string }{
		{"sum", `{"number1":"1","number2":"2"}`, "Invalid params"},
		{"sum", `{"number1":1,"number2":"2"}`, "Invalid params"},
		{"sum", `{"number1":true,"number2":2}`, "Invalid params"},
		{"sum", `{"number1":[1],"number2":[2]}`, "Invalid params"},
		{"sum", `{"number1":1,"number2":null}`, "Invalid params"},
		{"sum", `{"number1":1}`, "Invalid params"},
		{"sum", `{"number1":1,"number2":2,"number3":3}`, "Invalid params"},
		{"sum", `[1,2]`, "Invalid params"},
		{"sum", `{"number1":-1.5e308,"number2":-1.5e308}`, "Internal error"},
		{"sum", `{"number1":1e400,"number2":1}`, "Internal error"},
		{"sum", `{"number1":1e400,"number2":-1e400}`, "Internal error"},
		{"sum", `{"number1":1` + strings.Repeat("0", 1000) + `,"number2":1}`, "Internal error"},
		{"log", `{"number":null}`, "Invalid params"},
		{"log", `{"number":8,"base":null}`, "Invalid params"},
		{"log", `{"number":8,"bass":2}`, "Invalid params"},
		{"log", `{"base":2}`, "Invalid params"},
		{"log", `{"number":0}`, "Internal error"},
		{"log", `{"number":-1,"base":10}`, "Internal error"},
		{"log", `{"number":5,"base":1}`, "Internal error"},
		{"log", `{"number":5,"base":0}`, "Internal error"},
		{"log", `{"number":5,"base":-2}`, "Internal error"},
		{"product", `{"number1":1,"number2":2}`, "Unknown command"},
		{"Sum", `{"number1":1,"number2":2}`, "Unknown command"},
	} {
		got := call(`{"command":"` + c.command + `","params":` + c.params + `}`)
		if got.Type != "error" || got.Message != c.want {
			t.Errorf("%s %.60s: %+v, want %q", c.command, c.params, got, c.want)
		}
	}
}
