package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/goreleaser/nfpm/v2/files"
)

// The folder of the configuration, and what lies there. The units name the same; a test compares them.
const (
	configFolder = "/etc/snorky"
	configFile   = configFolder + "/snorkyd.toml"
	keyFile      = configFolder + "/key"
)

// stage is what will be in the packages: a folder for what was made, and a list.
type stage struct {
	folder   string
	root     string
	version  string
	made     time.Time
	contents files.Contents
}

func newStage(folder, root, version string, made time.Time) (*stage, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	return &stage{folder: folder, root: root, version: version, made: made}, nil
}

// source is a file among the sources.
func (s *stage) source(name string) string { return filepath.Join(s.root, filepath.FromSlash(name)) }

// add has a file of this machine in the packages.
func (s *stage) add(kind, source, destination string, mode fs.FileMode) {
	s.contents = append(s.contents, &files.Content{
		Type: kind, Source: source, Destination: destination,
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: s.made},
	})
}

// write makes a file for the packages.
func (s *stage) write(destination string, text []byte) error {
	file := filepath.Join(s.folder, filepath.FromSlash(destination))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	s.add(files.TypeFile, file, destination, 0o644)
	return nil
}

// compress is write for what policies want compressed. There is no time in what it writes.
func (s *stage) compress(destination string, text []byte) error {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return s.write(destination+".gz", out.Bytes())
}

// addAll adds the files that a pattern finds among the sources, of which there has to be one.
func (s *stage) addAll(pattern, destination string) error {
	found, err := filepath.Glob(s.source(pattern))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("no files %s", pattern)
	}
	for _, file := range found {
		s.add(files.TypeFile, file, path.Join(destination, filepath.Base(file)), 0o644)
	}
	return nil
}
