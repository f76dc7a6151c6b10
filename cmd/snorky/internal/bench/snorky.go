package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// Snorky is any server that speaks Snorky's protocol.
type Snorky struct {
	options           SnorkyOptions
	frontend, backend *url.URL
	header            http.Header
}

// SnorkyOptions say where a server is and which of its services to use. All but TLS are required.
type SnorkyOptions struct {
	URL            string // of the frontend: ws or wss
	Backend        string // URL: http or https
	Key            string // of the backend
	Service        string // a PubSub service of the frontend
	BackendService string // its twin on the backend
	TLS            *tls.Config
	Wait           time.Duration // for each answer of the backend
}

// NewSnorky checks the addresses and connects to none.
func NewSnorky(o SnorkyOptions) (*Snorky, error) {
	frontend, err := url.Parse(o.URL)
	if err != nil {
		return nil, err
	}
	backend, err := url.Parse(o.Backend)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}, "X-Backend-Key": {o.Key}}
	return &Snorky{o, frontend, backend, header}, nil
}

// Name is "snorky".
func (s *Snorky) Name() string { return "snorky" }

// SubscribeAddr is that of the frontend.
func (s *Snorky) SubscribeAddr() string { return HostPort(s.frontend) }

// PublishAddr is that of the backend.
func (s *Snorky) PublishAddr() string { return HostPort(s.backend) }

// ClientTLS is for frontends behind wss.
func (s *Snorky) ClientTLS() *tls.Config {
	if s.frontend.Scheme != "wss" {
		return nil
	}
	if s.options.TLS != nil {
		return s.options.TLS
	}
	return &tls.Config{MinVersion: tls.VersionTLS12}
}

// Subscribe calls subscribe (PROTOCOL.md section 6.4) and waits for the answer.
func (s *Snorky) Subscribe(_ context.Context, conn net.Conn, br *bufio.Reader, channel string) error {
	if err := Upgrade(conn, br, s.frontend, ""); err != nil {
		return err
	}
	request := append(appendRequest(nil, s.options.Service, "subscribe"), `{"channel":`...)
	request = append(wire.AppendString(request, channel), `}}}`...)
	if _, err := conn.Write(AppendFrame(nil, wire.OpText, request)); err != nil {
		return err
	}
	answer, err := ReadMessage(br)
	if err != nil {
		return err
	}
	_, err = parseAnswer(answer)
	return err
}

// appendRequest appends a request (PROTOCOL.md section 4) up to its params.
func appendRequest(dst []byte, service, command string) []byte {
	dst = wire.AppendString(append(dst, `{"service":`...), service)
	dst = wire.AppendString(append(dst, `,"message":{"command":`...), command)
	return append(dst, `,"callId":1,"params":`...)
}

// parseAnswer returns what an answer to a request holds. A service that refused is a *RefusedError.
func parseAnswer(text []byte) (json.RawMessage, error) {
	var packet struct {
		Message struct {
			Type    string          `json:"type"`
			CallID  json.RawMessage `json:"callId"`
			Data    json.RawMessage `json:"data"`
			Message string          `json:"message"`
		} `json:"message"`
	}
	if err := json.Unmarshal(text, &packet); err != nil {
		return nil, fmt.Errorf("the answer is not one of Snorky's: %w", err)
	}
	m := packet.Message
	switch {
	case string(m.CallID) != "1":
		return nil, errors.New("the answer is not one of Snorky's")
	case m.Type == "error":
		return nil, &RefusedError{Text: m.Message}
	case m.Type != "response":
		return nil, errors.New("the answer is not one of Snorky's")
	}
	return m.Data, nil
}

// Control has nothing to say: Snorky pings by frames only.
func (s *Snorky) Control([]byte) []byte { return nil }

// Close is a close frame with code 1000.
func (s *Snorky) Close() []byte {
	return AppendFrame(nil, wire.OpClose, []byte{1000 >> 8, 1000 & 0xff})
}

// NewPublisher connects to the backend.
func (s *Snorky) NewPublisher(ctx context.Context) (Publisher, error) {
	poster, err := Endpoint{s.backend, s.header, s.options.TLS, s.options.Wait}.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &snorkyPublisher{
		Poster: poster,
		one:    appendRequest(nil, s.options.BackendService, "publish"),
		many:   appendRequest(nil, s.options.BackendService, "publishMany"),
	}, nil
}

// snorkyPublisher calls publish, or publishMany (PROTOCOL.md section 8.1).
type snorkyPublisher struct {
	*Poster
	one, many []byte // requests up to their params
	body      []byte
	good      []byte // the last answer that was a success, as it was
	goodCount int    // for how many payloads
}

func (p *snorkyPublisher) Publish(ctx context.Context, channel string, payloads [][]byte) error {
	if len(payloads) == 1 {
		p.body = wire.AppendString(append(append(p.body[:0], p.one...), `{"channel":`...), channel)
		p.body = append(append(p.body, `,"message":`...), payloads[0]...)
		p.body = append(p.body, `}}}`...)
	} else {
		p.body = wire.AppendString(append(append(p.body[:0], p.many...), `{"channel":`...), channel)
		p.body = append(p.body, `,"messages":[`...)
		for i, payload := range payloads {
			if i > 0 {
				p.body = append(p.body, ',')
			}
			p.body = append(p.body, payload...)
		}
		p.body = append(p.body, `]}}}`...)
	}
	status, answer, err := p.Post(ctx, p.body)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return &RefusedError{Status: status, Text: http.StatusText(status)}
	}
	// Answers to the same request do not differ. The first is looked at closely, and those like it need not be.
	if p.goodCount == len(payloads) && bytes.Equal(p.good, answer) {
		return nil
	}
	if err := checkPublished(answer, len(payloads)); err != nil {
		return err
	}
	p.good, p.goodCount = append(p.good[:0], answer...), len(payloads)
	return nil
}

func checkPublished(answer []byte, count int) error {
	data, err := parseAnswer(answer)
	if err != nil || count == 1 {
		return err
	}
	var many struct {
		Results []struct {
			Status string `json:"status"`
			Error  string `json:"error"`
		} `json:"results"`
	}
	if err := json.Unmarshal(data, &many); err != nil {
		return fmt.Errorf("the answer is not one of Snorky's: %w", err)
	}
	published := 0
	said := ""
	for _, r := range many.Results {
		if r.Status == "published" {
			published++
		} else if said == "" {
			said = r.Error
		}
	}
	switch {
	case len(many.Results) != count:
		return fmt.Errorf("%d messages were published at once, and the answer tells of %d", count, len(many.Results))
	case published == 0:
		return &RefusedError{Text: said}
	case published < count:
		return fmt.Errorf("%d of %d messages published at once were refused: %s", count-published, count, said)
	}
	return nil
}
