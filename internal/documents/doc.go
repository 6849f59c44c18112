// Package documents reads a folder of documents strictly: Environment,
// Cluster, Team and AccessTest, each value with its place, every fault of every file at
// once.
//
// Load is the way in. It answers for all that one document or the set of
// files shows by itself: YAML, keys, types, forms of names, ARNs and patterns.
// What needs documents joined with each other (a team's clusters, the union of
// a principal's grants) is package desired's.
//
// Schema gives the JSON Schema for editors, and Init the starter folder.
package documents
