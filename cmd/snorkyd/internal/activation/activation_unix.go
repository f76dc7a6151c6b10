//go:build unix

package activation

import (
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const maxDescriptors = 16 // of which two are of use; others are looked at to find what is one too many

func inherited(env []string, first int) (found [len(names)]net.Listener, err error) {
	if variable(env, "LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return found, nil
	}
	n, _ := strconv.Atoi(variable(env, "LISTEN_FDS")) // rubbish is harmless: what is no listening socket is not taken
	labels := strings.Split(variable(env, "LISTEN_FDNAMES"), ":")
	for i := range min(n, maxDescriptors) {
		place := i
		if i < len(labels) {
			if named := slices.Index(names[:], labels[i]); named >= 0 {
				place = named
			}
		}
		l := take(first + i)
		switch {
		case l == nil:
		case place < len(found) && found[place] == nil:
			found[place] = l
		default:
			_ = l.Close()
			surplus := &SurplusError{Addr: l.Addr().String()}
			if place < len(names) {
				surplus.Door = names[place]
			}
			return found, surplus
		}
	}
	return found, nil
}

func variable(env []string, name string) string {
	for _, entry := range env {
		if value, is := strings.CutPrefix(entry, name+"="); is {
			return value
		}
	}
	return ""
}

// take makes a listener of a descriptor. One that is no listening socket may belong to the Go runtime, or to nobody: it
// is not touched.
func take(fd int) net.Listener {
	if listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || listening == 0 {
		return nil
	}
	f := os.NewFile(uintptr(fd), names[0])
	defer f.Close() // FileListener has a copy of its own
	l, err := net.FileListener(f)
	if err != nil {
		return nil
	}
	return l
}
