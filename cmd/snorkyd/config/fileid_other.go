//go:build !unix

package config

import "io/fs"

// fileID is empty: what else is known of a file has to do.
func fileID(fs.FileInfo) string { return "" }
