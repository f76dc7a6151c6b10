// Snorkyd is the server: browsers subscribe at one door, applications publish at the other.
package main

import (
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
