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
	fmt.Fprint(w, "#\n", wrap("SIGHUP has this file read again, and the files that it names. If anything is wrong, nothing changes, and the "+
		"log says why; snorkyd -config FILE -check-config tells before. What has changed takes effect at once, for what is asked for from then "+
		"on: nobody loses a connection or a subscription. Only services that are added or taken away, a key-file or ping-interval "+
		"that is taken away, and what is marked need a restart; the log names them.", "# "))
	cfg := Default()
	group := ""
	for _, row := range settings {
		if row.group != group {
			group = row.group
			fmt.Fprintf(w, "\n# --- %s ---\n", group)
		}
		fmt.Fprintf(w, "\n%s#%s = %s\n", wrap(row.help+row.when.mark(), "# "), row.name, row.field(&cfg).literal())
	}
	fmt.Fprint(w, "\n# --- Services ---\n\n")
	exampleOfAccess(w)
	for _, service := range cfg.PubSub {
		fmt.Fprintf(w, "\n#[[pubsub]]\n#name = %q\n#subscribe = %q\n#publish = %q\n#backend = %q\n",
			service.Name, service.Subscribe, service.Publish, service.Backend)
	}
	for _, kind := range []struct{ key, help string }{
		{"messaging", "Each [[messaging]] is a service with which clients take names and send messages to names."},
		{"chat", "Each [[chat]] is a service of channels whose members hear each other and see who is there. Clients need an identity."},
		{"cursors", "Each [[cursors]] is a service of documents in which clients show each other where they are. " +
			"Clients need an identity."},
	} {
		fmt.Fprintf(w, "\n%s\n#[[%s]]\n#name = %q\n", wrap(kind.help, "# "), kind.key, kind.key)
	}
	exampleDataSync(w)
}

func exampleDataSync(w io.Writer) {
	s := newDataSync()
	fmt.Fprint(w, "\n", wrap("Each [[datasync]] is a service that tells clients what changes in the data they have asked for, with a "+
		"twin on the backend that authorizes them and publishes the changes. A subscription waits for its client for "+
		"token-timeout; it ends if more than max-buffered waits in it, or more than max-buffered-total in all.", "# "))
	fmt.Fprintf(w, "\n#[[datasync]]\n#name = %q\n#backend = %q\n", "datasync", "datasync"+twinSuffix)
	fields := s.values()
	for _, key := range []string{keyTokenTimeout, keyMaxBuffered, keyMaxBufferedTotal} {
		fmt.Fprintf(w, "#%s = %s\n", key, fields[key].literal())
	}
	fmt.Fprint(w, "\n", wrap("A dealer finds the subscriptions for the changes of a model, by what they ask for: with kind broadcast, "+
		"anything; with key, the value of a field; with filter, what a filter says, such as [\">\", \"price\", 10].", "# "))
	for _, d := range []Dealer{
		{"AllTasks", "Task", ToAll, ""}, {"TasksByOwner", "Task", ByKey, "owner"}, {"FilteredTasks", "Task", ByFilter, ""},
	} {
		fmt.Fprintf(w, "\n#[[datasync.dealer]]\n#name = %q\n#model = %q\n#kind = %q\n", d.Name, d.Model, d.Kind)
		if d.Field != "" {
			fmt.Fprintf(w, "#field = %q\n", d.Field)
		}
	}
}

// exampleOfAccess explains the rules of a [[pubsub]].
func exampleOfAccess(w io.Writer) {
	fmt.Fprint(w, wrap("Each [[pubsub]] is a service that clients subscribe to, with a twin on the backend that publishes. "+
		"subscribe and publish are rules that say which clients may do so, too:", "# "))
	for _, rule := range []struct{ text, meaning string }{
		{"everybody", "all clients"},
		{"authenticated", "those who have an identity"},
		{"own", "whose identity stands where the pattern of a channel has {identity}"},
		{"claim:NAME", "those whose claim NAME is true"},
		{"claim:NAME=VALUE", "those whose claim NAME is VALUE, or a list that has it"},
		{"application", "whom the application at application-url allows it"},
		{"nobody", "no client"},
	} {
		fmt.Fprintf(w, "#   %-17s %s\n", rule.text, rule.meaning)
	}
	fmt.Fprint(w, "#\n", wrap("They can be told for channels by their names: the first pattern that matches counts, and the "+
		"rules of the [[pubsub]] are for all other channels. A * is any run of characters, and in a VALUE {channel} is the "+
		"name of the channel. For instance:", "# "))
	fmt.Fprint(w, `#
#   [[pubsub.channel]]              # to one user
#   pattern = "user:{identity}"
#   subscribe = "own"
#   publish = "nobody"
#
#   [[pubsub.channel]]              # the claim rooms is a list of channels
#   pattern = "room:*"
#   subscribe = "claim:rooms={channel}"
#   publish = "claim:rooms={channel}"
#
`, wrap("Without any [[pubsub]] there are these:", "# "))
}
