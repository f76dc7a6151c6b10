package server

import "net"

// quiet switches the kernel's probes off, which Go switches on for what it accepts: the pings of the broker find out who
// has gone. A listener that was handed over cannot be told so beforehand, as our own is.
func quiet(l net.Listener) net.Listener {
	switch l := l.(type) {
	case *net.TCPListener:
		return quietListener{l}
	case *keptDoor:
		l.Listener = quiet(l.Listener)
	}
	return l
}

type quietListener struct{ *net.TCPListener }

func (l quietListener) Accept() (net.Conn, error) {
	conn, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	_ = conn.SetKeepAlive(false) // one that is gone already is found out about by reading
	return conn, nil
}
