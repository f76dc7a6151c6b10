package wire

import (
	"strconv"
	"strings"
)

// maxPlainDigits bounds what PlainNumber writes out.
const maxPlainDigits = 64

// PlainNumber returns the one text of a number that people would write, whichever way it is written: 120 for 1.2e2, and
// 0.5 for 50e-2. Numbers that would take more than 64 digits keep an exponent. ok is false for what is no number.
func PlainNumber(value []byte) (text string, ok bool) {
	value = trim(value)
	if !isNumber(value) {
		return "", false
	}
	d := decimalOf(value)
	if text, ok := d.integer(maxPlainDigits); ok {
		return text, true
	}
	places, err := strconv.Atoi(d.exponent)
	if places = -places; err != nil || places <= 0 || places > maxPlainDigits || len(d.digits) > maxPlainDigits {
		return string(d.append(nil)), true
	}
	digits := string(d.digits)
	if missing := places + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - places
	text = digits[:point] + "." + digits[point:]
	if d.negative {
		text = "-" + text
	}
	return text, true
}
