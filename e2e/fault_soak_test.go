//go:build soak

package e2e

// soak runs long.
const soak = true
