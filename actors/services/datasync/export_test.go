package datasync

import "fmt"

// Leftovers describes what is left of subscriptions when nothing is going on; empty if nothing is.
func Leftovers(s *DataSync) (left string) {
	if n := len(s.subscriptions); n > 0 {
		left += fmt.Sprintf("%d subscriptions, ", n)
	}
	if n := len(s.acquired); n > 0 {
		left += fmt.Sprintf("%d owners, ", n)
	}
	if n := s.room.taken.Load(); n != 0 {
		left += fmt.Sprintf("%d bytes, ", n)
	}
	for name, d := range s.dealers {
		if !d.index.isEmpty() {
			left += "items of " + name + ", "
		}
	}
	return left
}
