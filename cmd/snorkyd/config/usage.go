package config

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

const (
	helpConfig  = "The configuration file, in TOML; also " + envConfig + "."
	helpCheck   = "Check the settings and all files that they name, as a start and SIGHUP do, and end."
	helpVersion = "Show the version, and end."
	helpHelp    = "Show this, and end."

	helpWidth  = 96
	helpIndent = "        "
)

func (l Loader) usage(w io.Writer) {
	fmt.Fprintf(w, "%s\n\nUsage: %s [-SETTING VALUE]...\n\n", l.About, l.Program)
	fmt.Fprint(w, wrap("Each setting is a flag, a variable of the environment, and a key of the TOML file that -config "+
		"names. A flag wins over a variable, which wins over the file. Services stand in the file only, under [[pubsub]].", ""))
	fmt.Fprint(w, "\n", wrap("SIGHUP has all of it read again, and what has changed takes effect without a restart, but for services that "+
		"are added or taken away and for what is marked. If anything is wrong, nothing changes, and the log says why.", ""))
	defaults := l.Defaults.clone()
	group := ""
	for _, row := range settings {
		if row.group != group {
			group = row.group
			fmt.Fprintf(w, "\n%s\n", group)
		}
		field := row.field(&defaults)
		usageRow(w, row.name, field.unit(), row.help)
		fmt.Fprint(w, wrap(fmt.Sprintf("Default %s. Variable %s.%s", orNone(field.String()), row.variable(), row.when.mark()), helpIndent))
	}
	l.usageCommands(w)
}

func (l Loader) usageCommands(w io.Writer) {
	fmt.Fprint(w, "\nCommand line only\n")
	for _, o := range commandLine {
		usageRow(w, o.Name, o.Unit, o.Help)
	}
	if l.Flags == nil {
		return
	}
	own := flag.NewFlagSet(l.Program, flag.ContinueOnError)
	l.Flags(own)
	own.VisitAll(func(f *flag.Flag) {
		unit, help := flag.UnquoteUsage(f)
		usageRow(w, f.Name, strings.ToUpper(unit), help)
	})
}

func usageRow(w io.Writer, name, unit, help string) {
	fmt.Fprintf(w, "  %s\n%s", strings.TrimSpace("-"+name+" "+unit), wrap(help, helpIndent))
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// wrap breaks text into lines of helpWidth bytes at most, each behind indent.
func wrap(text, indent string) string {
	var out strings.Builder
	line := indent
	for word := range strings.FieldsSeq(text) {
		if line != indent && len(line)+1+len(word) > helpWidth {
			out.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	out.WriteString(line + "\n")
	return out.String()
}
