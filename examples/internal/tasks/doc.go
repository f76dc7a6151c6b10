// Package tasks is a to-do list that many people share, as a web application keeps one in its database: pages read it
// over HTTP, and from then on Snorky tells them what changes.
//
// Two rules make sure that no page misses a change, whatever fails in between:
//
//   - A subscription is authorized first, and the database is read after that. What happens in between waits in the
//     subscription, and is in the data as well; its revision tells a page which of it is old.
//   - A change and the note that it has to be published are one transaction. A Publisher sends the notes in the order of
//     the commits, and forgets one only when Snorky has taken it.
//
// The package knows no database. A Store keeps the list; one in memory comes along, and package storetest is what every
// other one has to pass.
package tasks
