package config

import "slices"

// Option is one flag of the program, as manual pages and completions of shells need to know it. The help is made from the
// same rows.
type Option struct {
	// Name is the flag without its hyphen, and the key in the file.
	Name string
	// Group is the heading in the help; empty for what is on the command line only.
	Group string
	// Unit names what the flag takes, such as SIZE; empty if it takes nothing.
	Unit string
	// Help is one sentence or two.
	Help string
	// Default is the value where nothing else is said; empty for none.
	Default string
	// Literal is the default as it stands in the file; empty for what is on the command line only.
	Literal string
	// Variable is the name in the environment; empty if it has none.
	Variable string
	// Choices are all values that there are; nil if they cannot be listed.
	Choices []string
}

// unitFile is the unit of what takes the name of a file.
const unitFile = "FILE"

// TakesFile tells whether the value is the name of a file.
func (o Option) TakesFile() bool { return o.Unit == unitFile }

// Options lists all flags, in the order of the help, with the defaults of the program as it is built.
func Options() []Option {
	defaults := Default()
	all := make([]Option, 0, len(settings)+len(commandLine))
	for _, row := range settings {
		field := row.field(&defaults)
		all = append(all, Option{
			Name: row.name, Group: row.group, Unit: field.unit(), Help: row.help,
			Default: field.String(), Literal: field.literal(), Variable: row.variable(), Choices: choicesOf(field),
		})
	}
	return append(all, commandLine...)
}

// commandLine are the flags that are no settings.
var commandLine = []Option{
	{Name: "config", Unit: unitFile, Help: helpConfig, Variable: envConfig},
	{Name: "check-config", Help: helpCheck},
	{Name: "version", Help: helpVersion},
	{Name: "help", Help: helpHelp},
}

func choicesOf(v value) []string {
	switch v := v.(type) {
	case choice:
		return slices.Clone(v.options)
	case words:
		return slices.Clone(v.options)
	default:
		return nil
	}
}

// Groups lists the headings of Options in their order, without the empty one.
func Groups() []string {
	var names []string
	for _, row := range settings {
		if !slices.Contains(names, row.group) {
			names = append(names, row.group)
		}
	}
	return names
}
