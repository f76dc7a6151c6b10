//go:build !race

package actors

// raced is whether the race detector watches, which makes some allocations of its own.
const raced = false
