package config

import (
	"flag"
	"io"
	"strings"
)

// flags is what stands on a command line.
type flags struct {
	action Action
	file   string
	values map[string]any
}

// collector is the flag.Value of a setting. It only collects: values are judged later, the same for all sources.
type collector struct {
	name   string
	toggle bool
	into   map[string]any
}

func (c collector) String() string   { return "" }
func (c collector) IsBoolFlag() bool { return c.toggle }

func (c collector) Set(text string) error {
	if s, _ := lookup(c.name); s.repeatable() {
		before, _ := c.into[c.name].([]string)
		c.into[c.name] = append(before, text)
		return nil
	}
	c.into[c.name] = text
	return nil
}

func (s setting) repeatable() bool {
	_, yes := s.field(new(Config)).(list)
	return yes
}

func (s setting) isToggle() bool {
	_, yes := s.field(new(Config)).(toggle)
	return yes
}

func (l Loader) parseFlags(args []string) (flags, error) {
	given := flags{values: make(map[string]any)}
	set := flag.NewFlagSet(l.Program, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	for _, s := range settings {
		set.Var(collector{s.name, s.isToggle(), given.values}, s.name, s.help)
	}
	check, version, help := commonFlags(set, &given.file)
	if l.Flags != nil {
		l.Flags(set)
	}
	if err := set.Parse(args); err != nil {
		if err == flag.ErrHelp { //nolint:errorlint // documented to be returned as it is
			given.action = Help
			return given, nil
		}
		return given, flagError(set, err)
	}
	if set.NArg() > 0 {
		return given, Errorf("unexpected argument %s; settings are flags, as in -frontend :5800", show(set.Arg(0)))
	}
	switch {
	case *help:
		given.action = Help
	case *version:
		given.action = Version
	case *check:
		given.action = Check
	}
	return given, nil
}

func commonFlags(set *flag.FlagSet, file *string) (check, version, help *bool) {
	set.StringVar(file, "config", "", helpConfig)
	check = set.Bool("check-config", false, helpCheck)
	version = set.Bool("version", false, helpVersion)
	help = set.Bool("help", false, helpHelp)
	return check, version, help
}

// flagError rewrites an error of package flag, which has no types for them. Where the text is not one of those known, it
// is shown as it is.
func flagError(set *flag.FlagSet, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return Errorf("%s", oneLine(err.Error()))
	}
	var names []string
	set.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return Errorf("unknown flag -%s%s", oneLine(name), suggest(name, names, "-"))
}
