package datasync

import (
	"cmp"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"

	"github.com/snorky-go/snorky/actors/wire"
)

// parseFilter makes a matcher of a filter (PROTOCOL.md section 9.5).
func parseFilter(query json.RawMessage) (matcher, error) {
	f, err := parse(query)
	if err != nil {
		return nil, err
	}
	return func(data any) bool {
		raw, ok := data.(json.RawMessage)
		return ok && f(raw)
	}, nil
}

type filter func(data json.RawMessage) bool

func parse(query json.RawMessage) (filter, error) {
	var parts []json.RawMessage
	var operator string
	if len(query) == 0 || query[0] != '[' || json.Unmarshal(query, &parts) != nil || len(parts) == 0 ||
		parts[0][0] != '"' || json.Unmarshal(parts[0], &operator) != nil {
		return nil, wire.ErrBadQuery
	}
	switch operands := parts[1:]; operator {
	case "==", "<", "<=", ">", ">=":
		return parseComparison(operator, operands)
	case "not":
		if len(operands) != 1 {
			return nil, wire.ErrBadQuery
		}
		inner, err := parse(operands[0])
		if err != nil {
			return nil, err
		}
		return func(data json.RawMessage) bool { return !inner(data) }, nil
	case "and", "or":
		return parseAll(operator == "and", operands)
	}
	return nil, wire.ErrBadQuery
}

// parseAll makes "and" of filters, or "or": one that decides (the first that fails, or the first that matches) is enough.
func parseAll(and bool, operands []json.RawMessage) (filter, error) {
	filters := make([]filter, len(operands))
	for i, operand := range operands {
		f, err := parse(operand)
		if err != nil {
			return nil, err
		}
		filters[i] = f
	}
	return func(data json.RawMessage) bool {
		for _, f := range filters {
			if f(data) != and {
				return !and
			}
		}
		return and
	}, nil
}

func parseComparison(operator string, operands []json.RawMessage) (filter, error) {
	var name string
	if len(operands) != 2 || operands[0][0] != '"' || json.Unmarshal(operands[0], &name) != nil {
		return nil, wire.ErrBadQuery
	}
	path := strings.Split(name, ".")
	wanted := operands[1]
	if operator == "==" {
		key, err := wire.CanonicalKey(wanted)
		if err != nil {
			return nil, wire.ErrBadQuery
		}
		return func(data json.RawMessage) bool {
			value, ok := descend(data, path)
			if !ok {
				return false
			}
			k, err := wire.CanonicalKey(value)
			return err == nil && k == key
		}, nil
	}
	return func(data json.RawMessage) bool {
		value, ok := descend(data, path)
		if !ok {
			return false
		}
		order, ordered := compare(value, wanted)
		return ordered && holds(operator, order)
	}, nil
}

func holds(operator string, order int) bool {
	switch operator {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func descend(data json.RawMessage, path []string) (json.RawMessage, bool) {
	for _, name := range path {
		value, ok := member(data, name)
		if !ok {
			return nil, false
		}
		data = value
	}
	return data, true
}

// compare orders two numbers, or two strings by their characters; nothing else has an order.
func compare(a, b json.RawMessage) (order int, ok bool) {
	switch {
	case a[0] == '"' && b[0] == '"':
		var x, y string
		if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
			return 0, false
		}
		return cmp.Compare(x, y), true
	case isNumber(a) && isNumber(b):
		return compareNumbers(string(a), string(b)), true
	}
	return 0, false
}

func isNumber(v json.RawMessage) bool { return v[0] == '-' || v[0] >= '0' && v[0] <= '9' }

// compareNumbers is exact for integers. Others are compared as doubles, those beyond the range as infinite.
func compareNumbers(a, b string) int {
	x, okX := new(big.Int).SetString(a, 10)
	y, okY := new(big.Int).SetString(b, 10)
	if okX && okY {
		return x.Cmp(y)
	}
	f, _ := strconv.ParseFloat(a, 64) // out of range: ±Inf
	g, _ := strconv.ParseFloat(b, 64)
	return cmp.Compare(f, g)
}
