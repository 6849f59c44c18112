package iam

import (
	"encoding/base64"
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// parseBool reads true and false in any case (assumption U-13).
func parseBool(s string) (value, ok bool) {
	return strings.EqualFold(s, "true"), strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
}

var number = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`)

// parseNumber reads an integer or a decimal; nil if s is neither.
func parseNumber(s string) *big.Rat {
	if !number.MatchString(s) || len(s) > 400 {
		return nil
	}
	r, _ := new(big.Rat).SetString(s)
	return r
}

// parseBinary reads base64 as RFC 4648 has it, padded.
func parseBinary(s string) (string, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return "", false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return string(b), err == nil
}

// date is a W3C date and time; hours come with minutes, and with them a zone
// may.
var date = regexp.MustCompile(`^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?$`)

var epoch = regexp.MustCompile(`^-?[0-9]{1,12}$`)

// parseDate reads a date of W3C's profile of ISO 8601, or seconds since 1970.
// Four digits are a year. Without a zone it is UTC, and a period stands for its
// start (assumption U-14).
func parseDate(s string) (time.Time, bool) {
	m := date.FindStringSubmatch(s)
	if m == nil {
		seconds, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(seconds, 0).UTC(), err == nil && epoch.MatchString(s)
	}
	n := func(s string, otherwise int) int {
		if s == "" {
			return otherwise
		}
		i, _ := strconv.Atoi(s)
		return i
	}
	year, month, day, hour, minute, second := n(m[1], 0), n(m[2], 1), n(m[3], 1), n(m[4], 0), n(m[5], 0), n(m[6], 0)
	nanos := n((m[7] + "000000000")[:9], 0)
	zone := time.UTC
	if len(m[8]) > 1 {
		h, min := n(m[8][1:3], 0), n(m[8][4:], 0)
		if h > 23 || min > 59 {
			return time.Time{}, false
		}
		offset := h*3600 + min*60
		if m[8][0] == '-' {
			offset = -offset
		}
		zone = time.FixedZone("", offset)
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, zone)
	// time.Date carries what is too much into the next unit, hour 24 into the next day.
	return t, t.Month() == time.Month(month) && t.Day() == day && minute < 60 && second < 60
}

// compareAddress tells whether an address is in a range. An address alone is a
// range of one; host bits do not count; an IPv4 address in IPv6 form is IPv6,
// and no address is in a range of the other family (assumption U-15).
func compareAddress(value, want string) truth {
	addr, ok1 := parseAddress(value)
	prefix, ok2 := parsePrefix(want)
	if !ok1 || !ok2 {
		return maybe
	}
	return truthOf(prefix.Contains(addr))
}

func parseAddress(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Zone() == ""
}

func parsePrefix(s string) (netip.Prefix, bool) {
	if a, ok := parseAddress(s); ok {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}
