// Package repocheck holds the tests of what concerns the repository as a whole:
// who may import whom, that the linter refuses what it should, that documents
// point at things that exist, and that files stay small.
//
// The import directions stand in layers_test.go. Two tests hold the tree to
// them without any tool; a third (build tag lint, run by "make lint") asks the
// linter about every pair of layer and import and expects the same opinion.
package repocheck
