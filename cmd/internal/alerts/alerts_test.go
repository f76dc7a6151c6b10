package alerts

import (
	_ "github.com/prometheus/prometheus/promql/parser"
	_ "github.com/prometheus/common/expfmt"
	_ "github.com/snorky-go/snorky/cmd/snorkyd/server"
	_ "go.yaml.in/yaml/v3"
	_ "go.uber.org/goleak"
)
