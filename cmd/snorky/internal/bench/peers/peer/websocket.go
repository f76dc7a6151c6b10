package peer

import (
	"bufio"
	"bytes"
	"fmt"
	"net"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// goodbye is the close frame of a subscriber that leaves: code 1000.
func goodbye() []byte { return bench.AppendFrame(nil, wire.OpClose, []byte{1000 >> 8, 1000 & 0xff}) }

// say sends a text message.
func say(conn net.Conn, text string) error {
	_, err := conn.Write(bench.AppendFrame(nil, wire.OpText, []byte(text)))
	return err
}

// hear reads messages up to one that contains want.
func hear(br *bufio.Reader, want string) error {
	for {
		message, err := bench.ReadMessage(br)
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", want, err)
		}
		if bytes.Contains(message, []byte(want)) {
			return nil
		}
		if bytes.Contains(message, []byte(`"error"`)) || bytes.HasPrefix(message, []byte("-ERR")) {
			return fmt.Errorf("waiting for %s: %s", want, message)
		}
	}
}
