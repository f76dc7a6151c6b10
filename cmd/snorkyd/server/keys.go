package server

import (
	"crypto/rand"
	"sync"

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
	given []string // by the program

	mu    sync.Mutex
	file  string // empty: none
	first string // of those that are valid; empty: there are none yet
}

// read returns the keys that are valid with a key file, or without one if there is none. What is random stays so.
func (k *keys) read(file string) (valid [][]byte, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case file != "" && len(k.given) > 0:
		return nil, config.Errorf("key-file: this program has a key already")
	case file != "":
		return config.ReadKeyFile(file)
	case len(k.given) > 0:
		for _, key := range k.given {
			valid = append(valid, []byte(key))
		}
		return valid, nil
	case k.first == "":
		return [][]byte{[]byte(rand.Text())}, nil
	}
	return [][]byte{[]byte(k.first)}, nil
}

// set notes which keys are valid now.
func (k *keys) set(file string, valid [][]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.file, k.first = file, string(valid[0])
}

func (k *keys) source() KeySource {
	k.mu.Lock()
	defer k.mu.Unlock()
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
