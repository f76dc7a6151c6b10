// Package calculator is the model of a service with commands: each is a function from a struct with its parameters to a
// result. Calls with parameters that are missing, too many or of another type are refused before they get here.
package calculator

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"

	"github.com/snorky-go/snorky/actors"
)

// Calculator is the service of PROTOCOL.md section 6.2.
type Calculator struct{}

// Commands are sum and log.
func (Calculator) Commands() actors.Commands {
	return actors.Commands{"sum": actors.Command(sum), "log": actors.Command(logarithm)}
}

type sumParams struct {
	Number1 json.Number `json:"number1"`
	Number2 json.Number `json:"number2"`
}

func sum(_ *actors.Call, p sumParams) (any, error) {
	if a, b := whole(p.Number1), whole(p.Number2); a != nil && b != nil {
		return a.Add(a, b), nil
	}
	x, _ := p.Number1.Float64() // infinite if it is out of range
	y, _ := p.Number2.Float64()
	if z := x + y; !math.IsInf(z, 0) && !math.IsNaN(z) {
		return z, nil
	}
	return nil, errors.New("the sum is out of range") // the caller gets "Internal error", the log the reason
}

type logParams struct {
	Number float64 `json:"number"`
	Base   float64 `json:"base,omitempty"`
}

// SetDefaults implements actors.Defaulter.
func (p *logParams) SetDefaults() { p.Base = 2.718 }

func logarithm(_ *actors.Call, p logParams) (float64, error) {
	if p.Number <= 0 || p.Base <= 0 || p.Base == 1 {
		return 0, errors.New("there is no such logarithm")
	}
	return math.Log(p.Number) / math.Log(p.Base), nil
}

// maxDigits keeps whoever sends a million digits from keeping the service busy.
const maxDigits = 1000

// whole returns the value of a number that is written as an integer, else nil.
func whole(n json.Number) *big.Int {
	if len(n) > maxDigits {
		return nil
	}
	if i, ok := new(big.Int).SetString(n.String(), 10); ok {
		return i
	}
	return nil
}
