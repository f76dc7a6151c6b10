package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

const maxKeyFileBytes = 4 << 10

const keyAdvice = "Put the key into the variable " + envKey + ", or name a file with it by --key-file or " + envKeyFile +
	". A snorkyd without a key file shows the key that it made when it starts."

// key finds the key of the backend. A flag wins over the environment, and there the key itself over a file.
func (c *connecting) key() (string, error) {
	if c.keyFile != "" {
		return readKeyFile(c.keyFile)
	}
	if key := os.Getenv(envKey); key != "" {
		return checkKey(key, envKey)
	}
	if name := os.Getenv(envKeyFile); name != "" {
		return readKeyFile(name)
	}
	return "", failed(exitKey, "the backend wants a key, and there is none", keyAdvice)
}

// readKeyFile reads the first line that is not empty, of a file as the server's.
func readKeyFile(name string) (string, error) {
	key, err := firstLine(name, "key", maxKeyFileBytes)
	if err != nil {
		return "", failed(exitKey, fmt.Sprintf("key file %s: %v", name, err), "")
	}
	return checkKey(key, "key file "+name)
}

// firstLine is the first line that is not empty of a file with a secret. Errors do not name the file.
func firstLine(name, secret string, limit int) (line string, err error) {
	defer func() {
		if at, is := errors.AsType[*fs.PathError](err); is {
			err = at.Err
		}
	}()
	file, err := os.Open(name) //nolint:gosec // the user chose this file
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if err := checkMode(info.Mode()); err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err != nil {
		return "", err
	}
	if len(text) > limit {
		return "", fmt.Errorf("is too long for a %s file", secret)
	}
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return string(line), nil
		}
	}
	return "", fmt.Errorf("has no %s in it", secret)
}

// checkMode refuses secrets that everybody on the machine can read, as the server does.
func checkMode(mode fs.FileMode) error {
	if mode.IsDir() {
		return errors.New("is a folder")
	}
	if runtime.GOOS != "windows" && mode.IsRegular() && mode.Perm()&0o007 != 0 {
		return fmt.Errorf("others may access it (mode %04o); chmod 600 it", mode.Perm())
	}
	return nil
}

// checkKey refuses a key or a token that cannot be sent in a header as it is.
func checkKey(key, source string) (string, error) {
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", failed(exitKey, source+": it may have visible ASCII characters only, no blanks", "")
	}
	return key, nil
}
