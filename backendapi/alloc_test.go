//go:build !race

package backendapi

// mostAllocations is how many a lane may make for a request.
const mostAllocations = 0
