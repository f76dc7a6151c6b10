package bench

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// maxAnswer bounds the body of an answer, in bytes.
const maxAnswer = 16 << 20

// Endpoint is where publications are posted to.
type Endpoint struct {
	URL    *url.URL      // http or https
	Header http.Header   // besides Host and Content-Length
	TLS    *tls.Config   // of https; nil for the system's
	Wait   time.Duration // for a connection, and for each answer
}

// Poster is a keep-alive connection that posts. It allocates nothing for a request, so that a publisher costs the
// machine next to nothing. One goroutine at a time posts; Close may come from another.
type Poster struct {
	endpoint Endpoint
	head     []byte // of a request, up to the length
	br       *bufio.Reader
	request  []byte
	answer   []byte

	ctx  context.Context //nolint:containedctx // the one that watched belongs to; kept to see whether the next is another
	stop func() bool     // ends that watch

	mu     sync.Mutex
	conn   net.Conn // nil: there is none yet, or the server closed it
	closed bool
}

// Open connects. It blocks until it has, or ctx ends.
func (e Endpoint) Open(ctx context.Context) (*Poster, error) {
	p := &Poster{endpoint: e, br: bufio.NewReaderSize(nil, 8<<10)}
	p.head = append(p.head, "POST "+e.URL.RequestURI()+" HTTP/1.1\r\nHost: "+e.URL.Host+"\r\n"...)
	for name, values := range e.Header {
		for _, value := range values {
			p.head = append(p.head, name+": "+value+"\r\n"...)
		}
	}
	p.head = append(p.head, "Content-Length: "...)
	if _, err := p.dial(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Poster) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.endpoint.Wait)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", HostPort(p.endpoint.URL))
	if err != nil {
		return nil, err
	}
	if p.endpoint.URL.Scheme == "https" {
		if conn, err = secure(ctx, conn, p.endpoint.TLS, p.endpoint.URL.Hostname()); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	p.conn = conn
	p.br.Reset(conn)
	return conn, nil
}

// secure makes a connection one of TLS, or closes it.
func secure(ctx context.Context, conn net.Conn, config *tls.Config, host string) (net.Conn, error) {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = host
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

// Post sends one request and returns the status and the body of the answer, which is valid until the next. It blocks
// until then, or until ctx ends. Every error ends the connection, and leaves open whether the server did it.
func (p *Poster) Post(ctx context.Context, body []byte) (status int, answer []byte, err error) {
	p.mu.Lock()
	conn, closed := p.conn, p.closed
	p.mu.Unlock()
	if closed {
		return 0, nil, net.ErrClosed
	}
	if conn == nil {
		if conn, err = p.dial(ctx); err != nil {
			return 0, nil, err
		}
	}
	p.watch(ctx)
	if err := conn.SetDeadline(time.Now().Add(p.endpoint.Wait)); err != nil {
		return 0, nil, err
	}
	if ctx.Err() != nil { // it may have ended before there was the deadline to move
		return 0, nil, ctx.Err()
	}
	p.request = append(p.request[:0], p.head...)
	p.request = strconv.AppendInt(p.request, int64(len(body)), 10)
	p.request = append(p.request, "\r\n\r\n"...)
	p.request = append(p.request, body...)
	if _, err = conn.Write(p.request); err == nil {
		status, err = p.readAnswer()
	}
	if err != nil {
		p.hangUp(true)
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return 0, nil, err
	}
	return status, p.answer, nil
}

// watch has the end of ctx interrupt what waits for the server. It costs something only when ctx is a new one.
func (p *Poster) watch(ctx context.Context) {
	if p.ctx == ctx {
		return
	}
	if p.stop != nil {
		p.stop()
	}
	p.ctx = ctx
	p.stop = context.AfterFunc(ctx, func() { p.hangUp(true) })
}

// readAnswer reads an answer with its body into p.answer.
func (p *Poster) readAnswer() (status int, err error) {
	h, err := readHead(p.br)
	for err == nil && h.status < 200 && h.status != http.StatusSwitchingProtocols {
		h, err = readHead(p.br) // an interim answer
	}
	if err != nil {
		return 0, err
	}
	p.answer = p.answer[:0]
	switch {
	case h.status < 200:
		return 0, errNoHTTP
	case h.status == http.StatusNoContent || h.status == http.StatusNotModified:
	case h.chunked:
		err = p.readChunks()
	case h.length >= 0:
		err = p.readBody(h.length)
	default:
		return 0, errors.New("the answer does not say where its body ends")
	}
	if err != nil {
		return 0, midway(err)
	}
	if h.closing {
		p.hangUp(false)
	} else if p.br.Buffered() > 0 {
		return 0, errors.New("the server sent more than an answer")
	}
	return h.status, nil
}

func (p *Poster) readBody(n int64) error {
	if n > maxAnswer-int64(len(p.answer)) {
		return errors.New("the answer is too long")
	}
	start := len(p.answer)
	for int64(cap(p.answer)-start) < n {
		p.answer = append(p.answer[:cap(p.answer)], 0)
	}
	p.answer = p.answer[:start+int(n)]
	_, err := io.ReadFull(p.br, p.answer[start:])
	return err
}

// readChunks reads a body that comes in pieces (RFC 9112, 7.1).
func (p *Poster) readChunks() error {
	for {
		line, err := readLine(p.br)
		if err != nil {
			return err
		}
		size, ok := chunkSize(line)
		if !ok {
			return errNoHTTP
		}
		if size == 0 {
			break
		}
		if err := p.readBody(size); err != nil {
			return err
		}
		if line, err = readLine(p.br); err != nil {
			return err
		}
		if len(line) > 0 {
			return errNoHTTP
		}
	}
	for range maxHeaderLines { // trailers
		line, err := readLine(p.br)
		if err != nil || len(line) == 0 {
			return err
		}
	}
	return errNoHTTP
}

// chunkSize reads the hexadecimal number that a line begins with; extensions may follow.
func chunkSize(line []byte) (n int64, ok bool) {
	for i, c := range line {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | int64(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | int64(c-'a'+10)
		case 'A' <= c && c <= 'F':
			n = n<<4 | int64(c-'A'+10)
		case c == ';' || c == ' ' || c == '\t':
			return n, i > 0
		default:
			return 0, false
		}
		if n > maxAnswer {
			return 0, false
		}
	}
	return n, len(line) > 0
}

// hangUp ends the connection; the next request opens another one unless it is for good.
func (p *Poster) hangUp(forGood bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = p.closed || forGood
	if p.conn != nil {
		_ = p.conn.Close()
		p.conn = nil
	}
}

// Close ends the connection. A request under way fails.
func (p *Poster) Close() error {
	p.hangUp(true)
	return nil
}

// HostPort is the address to dial for a URL.
func HostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "https" || u.Scheme == "wss" {
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return net.JoinHostPort(u.Hostname(), "80")
}
