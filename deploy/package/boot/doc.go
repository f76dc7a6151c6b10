// Package boot tests the package for Debian on a real systemd: it boots a Debian in a container, installs the package there,
// and does to the service what happens to one over the years. "make test-systemd" runs it; it wants root.
package boot
