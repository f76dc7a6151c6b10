//go:build unix

package config

import (
	"fmt"
	"io/fs"
	"syscall"
)

// fileID tells apart files that have had the same name.
func fileID(info fs.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", s.Dev, s.Ino)
	}
	return ""
}
