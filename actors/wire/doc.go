// Package wire is the Snorky wire protocol without any transport: packets with a service header, RPC requests and their
// answers, the comparison of JSON values, the errors and close codes a stranger gets to see, and WebSocket frames of the
// server. "PROTOCOL.md section N" in its comments means the description of the wire protocol.
//
// Nothing here does input or output, blocks, starts goroutines or keeps what it is given. All functions may be called
// from several goroutines at once.
//
// # Trust
//
// DecodePacket looks at every byte and refuses what is not strict JSON. What follows it (DecodeRequest, Members,
// DecodeParams, CanonicalKey) only finds its way in what has been checked. Given anything else these return an error or a
// meaningless result, but they never panic and never run long.
//
// # Views
//
// To save copies, results are views into the input wherever they can be. This includes strings. A caller that reuses the
// buffer of the input must be done with the results, or have cloned them.
package wire
