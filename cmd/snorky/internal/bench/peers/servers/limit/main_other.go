//go:build !linux

// Limit needs Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "limit: needs Linux")
	os.Exit(1)
}
