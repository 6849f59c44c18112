// Package sts is the lab's AWS Security Token Service: who am I, sessions of
// roles, and session tokens of users.
package sts
