//go:build !unix

package activation

import "net"

func inherited([]string, int) (found [len(names)]net.Listener, err error) { return found, nil }
