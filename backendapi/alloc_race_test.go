//go:build race

package backendapi

// mostAllocations is how many a lane may make for a request: under the race detector, pools lose some of what they get.
const mostAllocations = 3
