// Package archtest holds the structure: which room may import which, how long
// files and functions may be, and what must not be written anywhere.
package archtest
