package report

import (
	"fmt"
	"math"
	"strings"
)

// table is one of Markdown. The first column is text, the others are numbers.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// remark is a row that has one thing to say instead of numbers.
func (t *table) remark(name, text string) {
	row := make([]string, len(t.head))
	row[0], row[1] = name, text
	t.rows = append(t.rows, row)
}

func (t *table) String() string {
	var b strings.Builder
	write := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	write(t.head)
	align := make([]string, len(t.head))
	for i := range align {
		align[i] = "---:"
	}
	align[0] = "---"
	write(align)
	for _, row := range t.rows {
		write(row)
	}
	return b.String()
}

const none = "–"

// digits shows a number with at least so many significant digits, and whole ones whole, with commas.
func digits(v float64, significant int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return none
	}
	places := 0
	if v != 0 {
		places = max(0, significant-1-int(math.Floor(math.Log10(math.Abs(v)))))
	}
	text := fmt.Sprintf("%.*f", places, v)
	whole, fraction, found := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if found {
		whole += "." + fraction
	}
	return sign + whole
}

// times is a ratio.
func times(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return none
	}
	return digits(v, 3) + "×"
}

// thousands shows a number of a thousand and more in thousands, with its spread.
func (f figure) thousands() string { return digits(f.median/1e3, 3) }

// spread is the lowest and the highest, in thousands.
func (f figure) spread() string {
	if f.count < 2 {
		return none
	}
	return digits(f.low/1e3, 3) + " … " + digits(f.high/1e3, 3)
}

// MiB is a number of bytes.
func mib(v float64) string { return digits(v/(1<<20), 2) }
