package eks

import (
	"fmt"
	"net/http"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// The texts of EKS's errors. Those with a source are AWS's, word for word;
// the others are the lab's own (Assumption error-texts).

func fail(code string, status int, cluster, message string) *call.Error {
	e := &call.Error{Code: code, Message: message, Status: status}
	if cluster != "" {
		e.Fields = map[string]string{"clusterName": cluster}
	}
	return e
}

func invalid(cluster, format string, args ...any) error {
	return fail("InvalidParameterException", http.StatusBadRequest, cluster, fmt.Sprintf(format, args...))
}

func inUse(cluster, message string) error {
	return fail("ResourceInUseException", http.StatusConflict, cluster, message)
}

func notFound(cluster, message string) error {
	return fail("ResourceNotFoundException", http.StatusNotFound, cluster, message)
}

func noCluster(name string) error {
	return notFound("", "No cluster found for name: "+name+".")
}

// (aws-facts: real texts seen in public issues)
const (
	entryInUse        = "The specified access entry resource is already in use on this cluster."
	noEntry           = "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'."
	invalidPrincipal  = "The specified principalArn is invalid: invalid principal."
	serviceLinked     = "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"
	entriesOff        = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation."
	serviceLinkedOnly = "policyArn can only be associated with service-linked roles"
)
