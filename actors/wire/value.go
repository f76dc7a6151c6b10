package wire

import (
	"strconv"
	"strings"
)

// Unquote returns what a string that has been checked says; ok is false for any other value. Surrogates without a partner
// come out in their generalized UTF-8 form (WTF-8), so that different strings stay different. The result is a view into
// value unless it was written with escapes.
func Unquote(value []byte) (s string, ok bool) {
	value = trim(value)
	end, ok := skipString(value, 0)
	if !ok || end != len(value) {
		return "", false
	}
	return unescape(value[1 : end-1]), true
}

// Elements calls f for each element of an array that has been checked, in the order written, until f returns false. The
// elements are raw views without blanks around them. It returns false if array is none, or is found to be broken.
func Elements(array []byte, f func(element []byte) (more bool)) (ok bool) {
	i := skipBlanks(array, 0)
	if i == len(array) || array[i] != '[' {
		return false
	}
	i = skipBlanks(array, i+1)
	if i < len(array) && array[i] == ']' {
		return skipBlanks(array, i+1) == len(array)
	}
	for {
		end, ok := skipValue(array, i)
		if !ok {
			return false
		}
		if !f(array[i:end:end]) {
			return true
		}
		if i = skipBlanks(array, end); i == len(array) {
			return false
		}
		switch array[i] {
		case ']':
			return skipBlanks(array, i+1) == len(array)
		case ',':
			i = skipBlanks(array, i+1)
		default:
			return false
		}
	}
}

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
