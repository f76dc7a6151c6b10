package filter

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
)

// The reference evaluates a filter as PROTOCOL.md section 9.5 says, with what encoding/json makes of it and of the data.

func decoded(t testing.TB, value []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	return v
}

func matchesByTheBook(filter, data any) bool {
	parts := filter.([]any)
	operands := parts[1:]
	switch operator := parts[0].(string); operator {
	case "not":
		return !matchesByTheBook(operands[0], data)
	case "and":
		for _, operand := range operands {
			if !matchesByTheBook(operand, data) {
				return false
			}
		}
		return true
	case "or":
		for _, operand := range operands {
			if matchesByTheBook(operand, data) {
				return true
			}
		}
		return false
	default:
		value, exists := lookUp(data, operands[0].(string))
		return exists && compares(operator, value, operands[1])
	}
}

func lookUp(data any, field string) (any, bool) {
	for step := range strings.SplitSeq(field, ".") {
		object, ok := data.(map[string]any)
		if !ok {
			return nil, false
		}
		if data, ok = object[step]; !ok {
			return nil, false
		}
	}
	return data, true
}

func compares(operator string, value, limit any) bool {
	if operator == "==" {
		return equals(value, limit)
	}
	order, ordered := compareByTheBook(value, limit)
	return ordered && map[string]bool{"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[operator]
}

func compareByTheBook(a, b any) (order int, ordered bool) {
	switch a := a.(type) {
	case json.Number:
		if b, ok := b.(json.Number); ok {
			return fraction(a).Cmp(fraction(b)), true
		}
	case string:
		if b, ok := b.(string); ok {
			return cmp.Compare(a, b), true
		}
	}
	return 0, false
}

func fraction(n json.Number) *big.Rat {
	f, ok := new(big.Rat).SetString(string(n))
	if !ok {
		panic("no number: " + n)
	}
	return f
}

func equals(a, b any) bool {
	if order, ordered := compareByTheBook(a, b); ordered {
		return order == 0
	}
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, value := range a {
			other, exists := b[name]
			if !exists || !equals(value, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equals(a[i], b[i]) {
				return false
			}
		}
		return true
	case nil, bool:
		return a == b
	}
	return false
}
