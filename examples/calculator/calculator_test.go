package calculator_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/examples/calculator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run gives a test a client of the calculator.
func run(t *testing.T, test func(*testing.T, *actorstest.Client)) {
	t.Helper()
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		b.Frontend("calculator", calculator.Calculator{})
		test(t, b.Client("ann"))
	})
}

func TestSum(t *testing.T) {
	nines := strings.Repeat("9", 400) // far beyond the range of a double
	run(t, func(_ *testing.T, ann *actorstest.Client) {
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
			params := map[string]json.Number{"number1": json.Number(c.a), "number2": json.Number(c.b)}
			ann.Call("calculator", "sum", params).Want(json.Number(c.want))
		}
	})
}

func TestLog(t *testing.T) {
	run(t, func(t *testing.T, ann *actorstest.Client) {
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
			var value float64
			ann.Call("calculator", "log", actorstest.JSON(c.params)).Data(&value)
			if math.Abs(value-c.want) > 1e-9 {
				t.Errorf("log %s = %v, want %v", c.params, value, c.want)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	run(t, func(_ *testing.T, ann *actorstest.Client) {
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
			ann.Call("calculator", c.command, actorstest.JSON(c.params)).WantError(c.want)
		}
	})
}
