//go:build !linux

package bench

import (
	"errors"
	"net"
)

const loopsWork = false

func newLoop(*flow) (reader, error) { return nil, errors.ErrUnsupported }

func detach(net.Conn) (socket, error) { return nil, errors.ErrUnsupported }
