package entrance

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"sync"

	proxyproto "github.com/pires/go-proxyproto"

	"github.com/snorky-go/snorky/gateway"
)

// Policy is what is done about PROXY headers.
type Policy int

const (
	// Off: nobody sends any; one that comes is no HTTP.
	Off Policy = iota
	// Optional: trusted proxies may begin with one. Whoever else sends one speaks no HTTP.
	Optional
	// Required: nobody but trusted proxies comes in, and they begin with one.
	Required
)

var (
	errStranger = errors.New("it does not come from one of the trusted-proxies, and proxy-protocol is required")
	errNoHeader = errors.New("it has no PROXY header, and proxy-protocol is required")
)

// readerSize is what is read at once, in bytes. A header of version 1 fits, and so does one of version 2 without extras.
const readerSize = 512

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readerSize) }}

// readHeader takes the PROXY header off a connection, and what it says about the client. A header that names no client is
// one of the proxy's own connections (LOCAL, for its checks), or of one that it does not know the client of (UNKNOWN, Unix
// sockets): then the address is that of the connection, as if there had been no header.
func (l *Listener) readHeader(conn net.Conn) (net.Conn, error) {
	if l.options.Proxy == Off {
		return conn, nil
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil, ErrNotTCP
	}
	peer := tcp.RemoteAddr()
	if !l.trusts(peer) {
		if l.options.Proxy == Required {
			return nil, errStranger
		}
		return conn, nil
	}
	reader := readers.Get().(*bufio.Reader)
	reader.Reset(tcp)
	defer func() {
		reader.Reset(nil)
		readers.Put(reader)
	}()
	awaitLine(reader)
	header, err := proxyproto.Read(reader)
	switch {
	case errors.Is(err, proxyproto.ErrNoProxyProtocol) && l.options.Proxy == Optional:
	case errors.Is(err, proxyproto.ErrNoProxyProtocol):
		if reader.Buffered() == 0 {
			return nil, io.EOF
		}
		return nil, errNoHeader
	case err != nil:
		return nil, errors.New("PROXY header: " + err.Error()) // an EOF inside of a header is none
	default:
		peer = client(header, peer)
	}
	ahead, _ := reader.Peek(reader.Buffered())
	return gateway.Replay(tcp, bytes.Clone(ahead), peer), nil
}

// longestLine is that of a header of version 1, in bytes.
const longestLine = 107

// awaitLine waits until a header of version 1 is complete, which the library refuses in pieces because it knows of no
// deadline. What goes wrong here does so again there.
func awaitLine(reader *bufio.Reader) {
	for n := 1; n <= longestLine; n = reader.Buffered() + 1 {
		if _, err := reader.Peek(n); err != nil {
			return
		}
		begun, _ := reader.Peek(reader.Buffered())
		if n := min(len(begun), len(proxyproto.SIGV1)); !bytes.Equal(begun[:n], proxyproto.SIGV1[:n]) || bytes.IndexByte(begun, '\n') >= 0 {
			return
		}
	}
}

func (l *Listener) trusts(peer net.Addr) bool {
	at, ok := peer.(*net.TCPAddr)
	return ok && l.options.Proxies.Trusts(at.AddrPort().Addr())
}

// client is where the header says that the client is; peer, if it does not.
func client(header *proxyproto.Header, peer net.Addr) net.Addr {
	if header.Command != proxyproto.PROXY {
		return peer
	}
	if at, ok := header.SourceAddr.(*net.TCPAddr); ok {
		return at
	}
	return peer
}
