package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
)

const (
	minKeyBytes     = 16
	maxKeyFileBytes = 4 * kiB
	maxKeys         = 2
)

// ReadKeyFile reads one key, or two during a rotation, each on a line of its own. The file has to be out of reach of
// others than its owner and group. Every error is an *Error and has nothing of the contents in it.
func ReadKeyFile(name string) ([][]byte, error) {
	text, info, err := readRegular(name, maxKeyFileBytes)
	if err == nil {
		err = checkMode(info)
	}
	var keys [][]byte
	if err == nil {
		keys, err = parseKeys(text)
	}
	if err != nil {
		return nil, Errorf("key file %s: %w", showSecretFile(name, err), err)
	}
	return keys, nil
}

// showSecretFile is show, of the name of a file with a secret, unless there is none and the name may be the secret itself.
func showSecretFile(name string, err error) string {
	if errors.Is(err, fs.ErrNotExist) && len(name) >= minKeyBytes && !strings.ContainsAny(name, `/\.`) {
		return "(not shown; it may be the secret itself, where the name of its file belongs)"
	}
	return show(name)
}

func checkMode(info fs.FileInfo) error {
	if runtime.GOOS == "windows" { // there the bits say nothing
		return nil
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return fmt.Errorf("others may access it (mode %04o); chmod 600 it", mode)
	}
	return nil
}

func parseKeys(text []byte) ([][]byte, error) {
	var keys [][]byte
	for line := range bytes.Lines(text) {
		key := bytes.TrimRight(line, "\r\n")
		if len(key) == 0 {
			continue
		}
		if err := checkKey(key); err != nil {
			return nil, err
		}
		keys = append(keys, bytes.Clone(key))
	}
	switch {
	case len(keys) == 0:
		return nil, errors.New("has no key in it")
	case len(keys) > maxKeys:
		return nil, fmt.Errorf("has more than %d keys in it", maxKeys)
	}
	return keys, nil
}

// checkKey refuses what could not be sent in a header as it is.
func checkKey(key []byte) error {
	if len(bytes.TrimSpace(key)) == 0 {
		return errors.New("has no key in it")
	}
	for _, b := range key {
		if b <= ' ' || b > '~' {
			return errors.New("a key may have visible ASCII characters only, no blanks")
		}
	}
	if len(key) < minKeyBytes {
		return fmt.Errorf("a key is shorter than %d bytes", minKeyBytes)
	}
	return nil
}
