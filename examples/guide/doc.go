// Package guide holds the programs of the guide "Wiring a backend", a folder for each step, and the tests that run them
// as its README says.
package guide
