package tasks

// Gap is what lies between the positions of two neighbours that nobody has moved. It can be halved twenty times before
// the whole list has to be numbered again; and a page, which has 53 bits for a number, can take in eight billion tasks.
const Gap = 1 << 20

// Slot is the room between two neighbours.
type Slot struct {
	// Low and High are their positions; nil at an end of the list.
	Low, High *int64
}

// Position returns one within the slot, and false if there is none.
func (s Slot) Position() (int64, bool) {
	switch {
	case s.Low == nil && s.High == nil:
		return Gap, true
	case s.Low == nil:
		return *s.High - Gap, true
	case s.High == nil:
		return *s.Low + Gap, true
	}
	middle := *s.Low + (*s.High-*s.Low)/2
	return middle, *s.Low < middle
}

// Holds tells whether a position lies within the slot: what has it need not move there.
func (s Slot) Holds(position int64) bool {
	return (s.Low == nil || *s.Low < position) && (s.High == nil || position < *s.High)
}

// Numbered is the position of the task with an index, from 0, in a list that is numbered again.
func Numbered(index int) int64 { return int64(index+1) * Gap }
