package server

import (
	"crypto/rand"
	"sync"

	"github.com/snorky-go/snorky/backendapi"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

// KeySource says where the key of the backend comes from.
type KeySource string

// The sources of keys.
const (
	KeyFromFile    KeySource = "file"
	KeyFromProgram KeySource = "program" // WithKey
	KeyRandom      KeySource = "random"  // made for this run
)

// keys are those of the backend's door.
type keys struct {
	file  string   // empty: none
	given []string // by the program
	door  *backendapi.Handler

	mu    sync.Mutex
	first string // of those that are valid
}

// load returns the keys that are valid from the start.
func (k *keys) load() (valid [][]byte, err error) {
	switch k.source() {
	case KeyFromFile:
		if len(k.given) > 0 {
			return nil, config.Errorf("key-file: this program has a key already")
		}
		valid, err = config.ReadKeyFile(k.file)
	case KeyFromProgram:
		for _, key := range k.given {
			valid = append(valid, []byte(key))
		}
	case KeyRandom:
		valid = [][]byte{[]byte(rand.Text())}
	}
	if err == nil {
		k.first = string(valid[0])
	}
	return valid, err
}

func (k *keys) source() KeySource {
	switch {
	case k.file != "":
		return KeyFromFile
	case len(k.given) > 0:
		return KeyFromProgram
	default:
		return KeyRandom
	}
}

// KeySource says where the key comes from.
func (s *Server) KeySource() KeySource { return s.keys.source() }

// Key is a valid key of the backend, the first one where there are two. It is for the programs that boot a server and
// talk to it; it belongs into no log.
func (s *Server) Key() string {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	return s.keys.first
}

// ReloadKeys reads the key file again and returns how many keys are valid now. Requests whose headers were read before
// are not touched. If the file cannot be used everything stays as it was. Without a key file there is nothing to do, and
// it returns 0.
func (s *Server) ReloadKeys() (int, error) {
	if s.keys.source() != KeyFromFile {
		return 0, nil
	}
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	valid, err := config.ReadKeyFile(s.keys.file)
	if err != nil {
		return 0, err
	}
	if err := s.keys.door.SetKeys(valid...); err != nil {
		return 0, config.Errorf("key file: %w", err)
	}
	s.keys.first = string(valid[0])
	s.showKey(s.keys.first)
	return len(valid), nil
}
