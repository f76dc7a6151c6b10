package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	tomlparser "github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
	"github.com/pelletier/go-toml/v2"
)

const maxFileBytes = miB

func readFile(name string) (*koanf.Koanf, error) {
	text, _, err := readRegular(name, maxFileBytes)
	if err != nil {
		return nil, Errorf("configuration file %s: %w", show(name), err)
	}
	values := koanf.New(".")
	if err := values.Load(rawbytes.Provider(text), tomlparser.Parser()); err != nil {
		if at, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, column := at.Position()
			return nil, Errorf("%s: line %d, column %d: %s", name, line, column, oneLine(at.Error()))
		}
		return nil, Errorf("%s: %s", name, oneLine(err.Error()))
	}
	return values, nil
}

// readRegular reads a file of at most limit bytes. Anything but a regular file is refused, and opening does not wait for
// one (a FIFO without a writer would hold up the start for ever).
func readRegular(name string, limit int) ([]byte, fs.FileInfo, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, bare(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, bare(err)
	}
	switch {
	case info.IsDir():
		return nil, nil, errors.New("is a directory")
	case !info.Mode().IsRegular():
		return nil, nil, errors.New("is not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, nil, bare(err)
	}
	if len(text) > limit {
		return nil, nil, fmt.Errorf("is longer than %d bytes", limit)
	}
	return text, info, nil
}

// bare takes the operation and the path off an error of package os: the caller names the file.
func bare(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}
