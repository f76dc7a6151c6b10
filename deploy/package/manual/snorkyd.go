package manual

import (
	"fmt"
	"strings"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

// Paths are the places of what the pages name.
type Paths struct {
	Config string
	Key    string
}

// Snorkyd is the page of the server.
func Snorkyd(of Edition, at Paths) Page {
	d := &draft{}
	d.heading("Synopsis")
	d.markdown("%s [%s %s]...", bold("snorkyd"), bold("-SETTING"), italic("VALUE"))
	d.heading("Description")
	d.paragraph("snorkyd notifies browsers: they hold WebSockets and subscribe to channels, and one HTTP request of an application " +
		"publishes to all that have subscribed.")
	d.paragraph("Each setting is a flag, a variable of the environment, and a key of the file that -config names. A flag wins over " +
		"a variable, which wins over the file. Services stand in the file only.")
	d.heading("Options")
	for _, group := range append(config.Groups(), "") {
		title := group
		if title == "" {
			title = "Command line only"
		}
		d.below(title)
		for _, o := range config.Options() {
			if o.Group == group {
				d.item(term(bold("-"+o.Name), o.Unit), o.Help+inOtherPlaces(o))
			}
		}
	}
	d.heading("Signals")
	d.item(bold("SIGTERM")+", "+bold("SIGINT"), "End: connections are closed over the time of -drain. A second one ends at once.")
	d.item(bold("SIGHUP"), "Read again what can change while it runs.")
	d.heading("Exit status")
	d.item(bold("0"), "It ended because it was told to.")
	d.item(bold("1"), "It failed for another reason.")
	d.item(bold("78"), "The configuration is wrong, so that another start does not help. What is wrong is on standard error.")
	d.heading("Files")
	d.item(italic(at.Config), "The configuration of the service that the package installs.")
	d.item(italic(at.Key), "The backend's key of that service, which systemd hands over. Nothing is started before it is there.")
	d.heading("Examples")
	d.paragraph("Make a key, and start the service now and at each boot:")
	d.verbatim(fmt.Sprintf("(umask 077; snorky key >%s) && systemctl enable --now snorkyd", at.Key))
	d.paragraph("Check a change before it is loaded, and load it:")
	d.verbatim(fmt.Sprintf("snorkyd -config %s -check-config && systemctl reload snorkyd", at.Config))
	d.heading("See also")
	d.markdown("%s, %s, %s", reference("snorkyd.toml", "5"), reference("snorky", "1"), reference("systemctl", "1"))
	return d.page("snorkyd", "8", "live notifications for browsers", of)
}

func term(name, unit string) string {
	if unit == "" {
		return name
	}
	return name + " " + italic(unit)
}

// inOtherPlaces is what the help says behind the text of a setting.
func inOtherPlaces(o config.Option) string {
	switch {
	case o.Group == "":
		return ""
	case o.Default == "":
		return " Default none. Variable " + o.Variable + "."
	default:
		return " Default " + o.Default + ". Variable " + o.Variable + "."
	}
}

// SnorkydTOML is the page of the server's file.
func SnorkydTOML(of Edition, at Paths) Page {
	d := &draft{}
	d.heading("Synopsis")
	d.markdown("%s", italic(at.Config))
	d.heading("Description")
	d.paragraph("The file is TOML. Sizes are numbers of bytes, or texts with KiB, MiB and GiB; durations are texts with ms, s, m " +
		"and h. What the file does not say is as given here; an unknown key is refused.")
	d.markdown("%s checks a file; %s loads it.", bold("snorkyd -config FILE -check-config"), bold("systemctl reload snorkyd"))
	d.heading("Settings")
	for _, group := range config.Groups() {
		d.below(group)
		for _, o := range config.Options() {
			if o.Group == group {
				d.item(bold(o.Name)+" = "+italic(o.Literal), o.Help)
			}
		}
	}
	d.heading("Services")
	d.verbatim(services())
	d.heading("See also")
	d.markdown("%s, %s", reference("snorkyd", "8"), reference("systemd.time", "7"))
	return d.page("snorkyd.toml", "5", "configuration of snorkyd", of)
}

// services is what the example file says of them.
func services() string {
	var example strings.Builder
	config.Example(&example)
	_, text, _ := strings.Cut(example.String(), "# --- Services ---\n")
	return text
}
