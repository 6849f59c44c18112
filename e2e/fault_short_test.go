//go:build e2e && !soak

package e2e

// soak runs long; `make soak` does.
const soak = false
