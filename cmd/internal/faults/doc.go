// Package faults holds tests that treat a whole server badly, as strangers on the Internet and broken machines do. After
// each of them the server is up, its memory is within bounds, and a subscriber who did nothing wrong is served.
package faults
