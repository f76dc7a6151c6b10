package config

import (
	"fmt"
	"io"
)

// Example writes a configuration file with every setting at its default, each as a comment: what is left so follows the
// defaults of later versions.
func Example(w io.Writer) {
	fmt.Fprint(w, wrap("The settings of snorkyd, each with its default. Take the # away in front of what you change. "+
		"Sizes are bytes, or texts with KiB, MiB, GiB; durations are texts with ms, s, m, h.", "# "))
	cfg := Default()
	group := ""
	for _, row := range settings {
		if row.group != group {
			group = row.group
			fmt.Fprintf(w, "\n# --- %s ---\n", group)
		}
		fmt.Fprintf(w, "\n%s#%s = %s\n", wrap(row.help, "# "), row.name, row.field(&cfg).literal())
	}
	fmt.Fprint(w, "\n# --- Services ---\n\n")
	fmt.Fprint(w, wrap("Each [[pubsub]] is a service that clients subscribe to, with a twin on the backend that publishes. "+
		"publish says which clients may publish, too: nobody, everybody or authenticated. Without any [[pubsub]] there "+
		"are these:", "# "))
	for _, service := range cfg.PubSub {
		fmt.Fprintf(w, "\n#[[pubsub]]\n#name = %q\n#publish = %q\n#backend = %q\n", service.Name, service.Publish, service.Backend)
	}
	for _, kind := range []struct{ key, help string }{
		{"messaging", "Each [[messaging]] is a service with which clients take names and send messages to names."},
		{"chat", "Each [[chat]] is a service of channels whose members hear each other and see who is there. Clients need an identity."},
		{"cursors", "Each [[cursors]] is a service of documents in which clients show each other where they are. " +
			"Clients need an identity."},
	} {
		fmt.Fprintf(w, "\n%s\n#[[%s]]\n#name = %q\n", wrap(kind.help, "# "), kind.key, kind.key)
	}
}
