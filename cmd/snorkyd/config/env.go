package config

import (
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
)

const envConfig = envPrefix + "CONFIG"

// environment picks the settings out of an environment. A variable that is empty counts as one that is not set.
func environment(environ []string) (values map[string]any, file string, ignored []string) {
	byVariable := make(map[string]setting, len(settings))
	for _, s := range settings {
		byVariable[s.variable()] = s
	}
	pick := func(variable, text string) (string, any) {
		s, known := byVariable[variable]
		switch {
		case variable == envConfig:
			file = text
		case !known:
			ignored = append(ignored, variable)
		case text == "":
		case s.repeatable():
			return s.name, splitList(text)
		default:
			return s.name, text
		}
		return "", nil
	}
	provider := env.Provider("", env.Opt{
		Prefix:        envPrefix,
		TransformFunc: pick,
		EnvironFunc:   func() []string { return environ },
	})
	values, _ = provider.Read() // fails never: it reads from memory
	slices.Sort(ignored)
	return values, file, ignored
}

// splitList splits at commas, which no origin has in it. Of the others, those that have one cannot stand in a variable.
func splitList(text string) []string {
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}
