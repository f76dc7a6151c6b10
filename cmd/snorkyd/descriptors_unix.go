//go:build unix

package main

import "golang.org/x/sys/unix"

// maxDescriptors is how many files this process may have open, 0 if that is not known. Go has raised the soft limit to the
// hard one by now.
func maxDescriptors() uint64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return uint64(limit.Cur) //nolint:unconvert // it is signed on FreeBSD
}
