package tasks

import "embed"

//go:embed web
var web embed.FS
