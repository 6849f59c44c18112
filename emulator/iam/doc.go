// Package iam is the lab's AWS Identity and Access Management: users, roles,
// their access keys, tags and policies, and customer managed policies; and it
// decides for the other services whether a caller may do what it asks.
//
// Texts of errors are AWS's where they are publicly known. What the lab
// assumes about AWS is marked "Assumption NAME".
package iam
