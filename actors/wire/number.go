package wire

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
)

// decimal is a number as digits times ten to the exponent. It has no zeros at either end of its digits, so that equal
// numbers have equal decimals; zero has no digits at all.
type decimal struct {
	negative bool
	digits   []byte // a view into the number where possible
	exponent string // an integer without leading zeros or plus sign, of any length
}

// decimalOf takes apart a number that has been checked. It takes linear time, however large the exponent.
func decimalOf(number []byte) decimal {
	var d decimal
	if len(number) > 0 && number[0] == '-' {
		d.negative = true
		number = number[1:]
	}
	var written []byte
	if i := bytes.IndexAny(number, "eE"); i >= 0 {
		number, written = number[:i], number[i+1:]
	}
	shift := 0
	d.digits = number
	if i := bytes.IndexByte(number, '.'); i >= 0 {
		shift = i + 1 - len(number)
		d.digits = append(bytes.Clone(number[:i]), number[i+1:]...)
	}
	d.digits = bytes.TrimLeft(d.digits, "0")
	trimmed := bytes.TrimRight(d.digits, "0")
	shift += len(d.digits) - len(trimmed)
	d.digits = trimmed
	if len(trimmed) == 0 {
		return decimal{}
	}
	d.exponent = addExponent(written, shift)
	return d
}

// addExponent returns the sum of a written exponent, which may be longer than any integer of the machine, and a shift,
// which is at most as large as a number is long.
func addExponent(written []byte, shift int) string {
	negative := len(written) > 0 && written[0] == '-'
	digits := bytes.TrimLeft(written, "+-")
	digits = bytes.TrimLeft(digits, "0")
	const block = 18 // digits that fit into an int64 with room for a sum
	if len(digits) <= block {
		n, _ := strconv.ParseInt(view(digits), 10, 64) // fails for no digits only, which is zero
		if negative {
			n = -n
		}
		return strconv.FormatInt(n+int64(shift), 10)
	}
	// The shift is too small to reach the sign or, but for a carry, what stands before the last block.
	if negative {
		shift = -shift
	}
	sum := bytes.Clone(digits)
	tail := sum[len(sum)-block:]
	n, _ := strconv.ParseInt(view(tail), 10, 64)
	const limit = 1_000_000_000_000_000_000
	switch n += int64(shift); {
	case n < 0:
		n += limit
		carry(sum[:len(sum)-block], '0', '9', -1)
	case n >= limit:
		n -= limit
		if carry(sum[:len(sum)-block], '9', '0', 1) {
			sum = append([]byte{'1'}, sum...)
			tail = sum[len(sum)-block:]
		}
	}
	text := strconv.FormatInt(n, 10)
	copy(tail, strings.Repeat("0", block-len(text))+text)
	sum = bytes.TrimLeft(sum, "0")
	if negative {
		return "-" + string(sum)
	}
	return string(sum)
}

// CompareNumbers orders two numbers that have been checked by their exact values, of any size: it returns -1, 0 or 1. It
// takes time in proportion to their length.
func CompareNumbers(a, b []byte) int {
	x, y := decimalOf(a), decimalOf(b)
	if order := cmp.Compare(x.sign(), y.sign()); order != 0 || x.sign() == 0 {
		return order
	}
	// Without zeros at the front, the place of the first digit decides before the digits do.
	order := compareIntegers(addExponent([]byte(x.exponent), len(x.digits)), addExponent([]byte(y.exponent), len(y.digits)))
	if order == 0 {
		order = bytes.Compare(x.digits, y.digits)
	}
	return order * x.sign()
}

func (d decimal) sign() int {
	switch {
	case len(d.digits) == 0:
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// compareIntegers orders integers as addExponent writes them.
func compareIntegers(a, b string) int {
	x, isXNegative := strings.CutPrefix(a, "-")
	y, isYNegative := strings.CutPrefix(b, "-")
	if isXNegative != isYNegative {
		if isXNegative {
			return -1
		}
		return 1
	}
	order := cmp.Compare(len(x), len(y))
	if order == 0 {
		order = strings.Compare(x, y)
	}
	if isXNegative {
		return -order
	}
	return order
}

// carry adds step to the last digit and, where that is full, to the one before it, turning full digits into empty ones.
// It tells whether all were full.
func carry(digits []byte, full, empty byte, step int8) bool {
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] != full {
			digits[i] += byte(step)
			return false
		}
		digits[i] = empty
	}
	return true
}

// integer returns the digits of d written out, if d is an integer of at most so many digits.
func (d decimal) integer(most int) (string, bool) {
	if len(d.digits) == 0 {
		return "0", true
	}
	zeros, err := strconv.Atoi(d.exponent)
	if err != nil || zeros < 0 || zeros > most || len(d.digits)+zeros > most {
		return "", false
	}
	text := string(d.digits) + strings.Repeat("0", zeros)
	if d.negative {
		text = "-" + text
	}
	return text, true
}

// append appends d as the one way to write this number as JSON.
func (d decimal) append(dst []byte) []byte {
	if len(d.digits) == 0 {
		return append(dst, '0')
	}
	if d.negative {
		dst = append(dst, '-')
	}
	dst = append(dst, d.digits...)
	if d.exponent != "0" {
		dst = append(dst, 'e')
		dst = append(dst, d.exponent...)
	}
	return dst
}

func isNumber(value []byte) bool {
	end, ok := validNumber(value, 0)
	return ok && end == len(value)
}

// isCanonicalInteger tells whether a number is its own canonical form, which most are.
func isCanonicalInteger(number []byte) bool {
	if number[len(number)-1] == '0' {
		return len(number) == 1
	}
	return !bytes.ContainsAny(number, ".eE")
}
