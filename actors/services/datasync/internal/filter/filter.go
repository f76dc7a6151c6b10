// Package filter is the filter language of DataSync (PROTOCOL.md section 9.5), and an index that finds those of many
// filters that match some data, without asking each of them.
//
// Data and queries are JSON that has been checked. Nothing here may be used by several goroutines at once, but for a
// Filter, which does not change.
package filter

import (
	"strings"

	"github.com/snorky-go/snorky/actors/wire"
)

// Bounds of one filter. Evaluating it takes time in proportion to maxSize.
const (
	maxDepth = 100  // operators within each other
	maxSize  = 4096 // operators and steps of fields
)

type operator uint8

// The comparisons come first.
const (
	equal operator = iota
	less
	atMost
	greater
	atLeast
	not
	and
	or
)

var operators = map[string]operator{
	"==": equal, "<": less, "<=": atMost, ">": greater, ">=": atLeast, "not": not, "and": and, "or": or,
}

// Filter tells which data match.
type Filter struct {
	operator operator
	operands []*Filter // of not, and, or

	// Of comparisons:
	number int      // counted through the filter, from 0
	path   []string // the field
	key    wire.Key // what it equals
	limit  scalar   // or is compared with
}

// Parse reads a filter, and keeps views of the query. The error is wire.ErrBadQuery.
func Parse(query []byte) (*Filter, error) {
	p := parser{}
	f, ok := p.filter(query, 0)
	if !ok {
		return nil, wire.ErrBadQuery
	}
	return f, nil
}

type parser struct {
	size        int
	comparisons int
}

func (p *parser) filter(query []byte, depth int) (f *Filter, ok bool) {
	parts, ok := wire.Elements(query)
	if !ok || len(parts) == 0 || depth == maxDepth || !p.grow(1) {
		return nil, false
	}
	name, isText := wire.Unquote(parts[0])
	kind, known := operators[name]
	if !isText || !known {
		return nil, false
	}
	f = &Filter{operator: kind}
	if operands := parts[1:]; kind < not {
		return f, p.comparison(f, operands)
	} else if kind != not || len(operands) == 1 {
		return f, p.operands(f, operands, depth)
	}
	return nil, false
}

// grow counts what the filter is made of.
func (p *parser) grow(n int) bool {
	p.size += n
	return p.size <= maxSize
}

func (p *parser) operands(f *Filter, operands [][]byte, depth int) bool {
	if len(operands) > maxSize {
		return false
	}
	f.operands = make([]*Filter, len(operands))
	for i, operand := range operands {
		var ok bool
		if f.operands[i], ok = p.filter(operand, depth+1); !ok {
			return false
		}
	}
	return true
}

func (p *parser) comparison(f *Filter, operands [][]byte) bool {
	if len(operands) != 2 {
		return false
	}
	field, ok := wire.Unquote(operands[0])
	if !ok || !p.grow(strings.Count(field, ".")) {
		return false
	}
	f.path = strings.Split(field, ".")
	f.number = p.comparisons
	p.comparisons++
	if f.operator != equal {
		f.limit = scalarOf(operands[1])
		return true
	}
	var err error
	f.key, err = wire.CanonicalKey(operands[1])
	return err == nil
}
