package config

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
)

// Loader reads the settings of one program.
type Loader struct {
	// Program is the name that the help shows.
	Program string
	// About is one line on what the program does, for the help.
	About string
	// Defaults are the settings where nothing else is said.
	Defaults Config
	// Flags, if not nil, adds flags of the program's own.
	Flags func(*flag.FlagSet)
}

// Action is what the command line asks for.
type Action int

// The actions.
const (
	Run Action = iota
	Check
	Version
	Help
)

// Command is what a command line, the environment and a file come to.
type Command struct {
	Action Action
	Config Config
	// File is the configuration file that was read; empty for none.
	File string
	// Ignored are the variables of the environment that look like settings and are none. They are no error, since
	// others set such ones, too: Kubernetes does for each of its services.
	Ignored []string
}

// layer is one source of settings.
type layer struct {
	values *koanf.Koanf
	// where says for an error where a setting of this layer stands.
	where func(name string) string
}

// Load reads the command line (without the program's name), the environment and the file which either of them names. A
// flag wins over the environment, which wins over the file, which wins over the default. Every error is an *Error.
func (l Loader) Load(args, env []string) (Command, error) {
	given, err := l.parseFlags(args)
	if err != nil {
		return Command{}, err
	}
	if given.action == Version || given.action == Help {
		return Command{Action: given.action, Config: l.Defaults}, nil
	}
	variables, file, ignored := environment(env)
	if given.file != "" {
		file = given.file
	}
	layers, err := l.layers(file, variables, given.values)
	if err != nil {
		return Command{}, err
	}
	cfg, err := l.merge(layers)
	if err != nil {
		return Command{}, err
	}
	return Command{Action: given.action, Config: cfg, File: file, Ignored: ignored}, cfg.Validate()
}

// layers returns the sources, the weakest first.
func (l Loader) layers(file string, variables, flags map[string]any) ([]layer, error) {
	var all []layer
	if file != "" {
		values, err := readFile(file)
		if err != nil {
			return nil, err
		}
		all = append(all, layer{values, func(name string) string { return file + ": " + name }})
	}
	fromEnv := layer{koanf.New("."), func(name string) string { s, _ := lookup(name); return s.variable() }}
	fromFlags := layer{koanf.New("."), func(name string) string { return "-" + name }}
	// A map as it is cannot fail to load.
	_ = fromEnv.values.Load(confmap.Provider(variables, ""), nil)
	_ = fromFlags.values.Load(confmap.Provider(flags, ""), nil)
	return append(all, fromEnv, fromFlags), nil
}

// merge checks each layer by itself, so that a wrong value is told even where a stronger layer hides it.
func (l Loader) merge(layers []layer) (Config, error) {
	merged := koanf.New(".")
	for _, layer := range layers {
		if _, err := l.decode(layer); err != nil {
			return Config{}, err
		}
		if err := merged.Merge(layer.values); err != nil {
			return Config{}, Errorf("%s", oneLine(err.Error()))
		}
	}
	return l.decode(layer{merged, func(name string) string { return name }})
}

func (l Loader) decode(from layer) (Config, error) {
	cfg := l.Defaults.clone()
	values := from.values.Raw()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if known, err := decodeTable(&cfg, name, values[name]); err != nil {
			return Config{}, Errorf("%s: %w", strings.TrimSuffix(from.where(""), ": "), err)
		} else if known {
			continue
		}
		row, known := lookup(name)
		if !known {
			return Config{}, Errorf("%s: unknown setting%s", from.where(show(name)), suggest(name, fileKeys(), ""))
		}
		if err := assign(row, &cfg, values[name]); err != nil {
			return Config{}, Errorf("%s: %w", from.where(name), err)
		}
	}
	return cfg, nil
}

// assign puts what one source says of a setting into its field.
func assign(row setting, cfg *Config, raw any) error {
	field := row.field(cfg)
	texts, err := scalars(raw)
	if err != nil {
		return err
	}
	if several, ok := field.(list); ok {
		*several.all() = nil
	} else if _, many := raw.([]any); many {
		return fmt.Errorf("a list is not allowed here")
	}
	for _, text := range texts {
		if err := field.set(text); err != nil {
			return fmt.Errorf("%s %w", showValue(field, text), err)
		}
	}
	return nil
}

// scalars turns a value of a TOML file, or the texts of flags and variables, into the texts which settings take.
func scalars(raw any) ([]string, error) {
	switch raw := raw.(type) {
	case string:
		return []string{raw}, nil
	case []string:
		return raw, nil
	case bool:
		return []string{strconv.FormatBool(raw)}, nil
	case int64:
		return []string{strconv.FormatInt(raw, 10)}, nil
	case []any:
		var all []string
		for _, element := range raw {
			text, ok := element.(string)
			if !ok {
				return nil, fmt.Errorf("a list of texts is expected")
			}
			all = append(all, text)
		}
		return all, nil
	default:
		return nil, fmt.Errorf("a text, a whole number or true or false is expected")
	}
}

func (c Config) clone() Config {
	for _, row := range settings {
		if several, ok := row.field(&c).(list); ok {
			*several.all() = slices.Clone(*several.all())
		}
	}
	c.PubSub = slices.Clone(c.PubSub)
	c.DataSync = slices.Clone(c.DataSync)
	for i := range c.DataSync {
		c.DataSync[i].Dealers = slices.Clone(c.DataSync[i].Dealers)
	}
	c.Messaging, c.Chat, c.Cursors = slices.Clone(c.Messaging), slices.Clone(c.Chat), slices.Clone(c.Cursors)
	return c
}

// Usage writes the help: every setting with its default, as flag and as variable.
func (l Loader) Usage(w io.Writer) { l.usage(w) }
