package filter

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// world makes random filters and data that have a chance to meet.
type world struct{ *rand.Rand }

func pick[T any](w world, of ...T) T { return of[w.IntN(len(of))] }

var fields = []string{"a", "b", "c", "a.x", "a.y", "b.x.y", "é", "", "a."}

func (w world) scalar() string {
	switch w.IntN(12) {
	case 0:
		return pick(w, "null", "true", "false")
	case 1:
		return pick(w, "9007199254740992", "9007199254740993", "-9007199254740993", "1e400", "-1e400", "1e-400", "9007199254740992.5")
	case 2, 3, 4:
		return pick(w, `""`, `"a"`, `"b"`, `"ab"`, `"é"`, `"\u00e9"`, `"\ud83d\ude00"`, `"\uffff"`, `"1"`, `"true"`)
	case 5:
		return fmt.Sprintf("%d.0", w.IntN(8)-2)
	case 6:
		return fmt.Sprintf("%de-1", w.IntN(60)-10)
	default:
		return fmt.Sprint(w.IntN(8) - 2)
	}
}

func (w world) value() string {
	switch w.IntN(10) {
	case 0:
		return w.data()
	case 1:
		return "[" + w.scalar() + "," + w.scalar() + "]"
	default:
		return w.scalar()
	}
}

func (w world) data() string {
	var members []string
	for range w.IntN(6) {
		members = append(members, fmt.Sprintf("%q:%s", pick(w, "a", "b", "c", "x", "y", "é", ""), w.value()))
	}
	return "{" + strings.Join(members, pick(w, ",", " , ")) + "}"
}

func (w world) filter(depth int) string {
	if depth == 0 || w.IntN(3) == 0 {
		return fmt.Sprintf("[%q,%q,%s]", pick(w, "==", "==", "==", "<", "<=", ">", ">="), pick(w, fields...), w.value())
	}
	if w.IntN(5) == 0 {
		return `["not",` + w.filter(depth-1) + `]`
	}
	all := []string{pick(w, `"and"`, `"or"`)}
	for range w.IntN(4) {
		all = append(all, w.filter(depth-1))
	}
	return "[" + strings.Join(all, ",") + "]"
}
