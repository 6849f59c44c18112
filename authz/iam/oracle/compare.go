package oracle

import (
	"bytes"
	"encoding/base64"
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// compare decides one value of the request against one of the policy, by a
// positive operator. What cannot be read is unknown (U-12).
func (w *world) compare(base, request, value string, variables bool) bool {
	switch {
	case strings.HasPrefix(base, "String") || base == "ArnLike":
		return w.compareText(base, request, value, variables)
	}
	result, ok := false, false
	switch base {
	case "Bool":
		result, ok = compareBool(request, value)
	case "BinaryEquals":
		result, ok = compareBinary(request, value)
	case "IpAddress":
		result, ok = compareAddress(request, value)
	default:
		order := 0
		if rest, numeric := strings.CutPrefix(base, "Numeric"); numeric {
			order, ok = compareNumbers(request, value)
			result = ordered(rest, order)
		} else {
			order, ok = compareDates(request, value)
			result = ordered(strings.TrimPrefix(base, "Date"), order)
		}
	}
	if !ok {
		return w.maybe()
	}
	return result
}

// ordered says whether request REL value holds, of the sign of their difference.
func ordered(relation string, sign int) bool {
	switch relation {
	case "Equals":
		return sign == 0
	case "LessThan":
		return sign < 0
	case "LessThanEquals":
		return sign <= 0
	case "GreaterThan":
		return sign > 0
	}
	return sign >= 0 // GreaterThanEquals
}

func (w *world) compareText(base, request, value string, variables bool) bool {
	if base == "ArnLike" && !isARN(request) {
		return false // U-23
	}
	p, how := w.textPattern(base, value, variables)
	switch how {
	case noValue:
		return false // R5.5
	case faulty:
		return w.maybe()
	}
	return match(p, []rune(request))
}

// textPattern is what a policy's value matches under a String or ARN operator.
func (w *world) textPattern(base, value string, variables bool) ([]token, reading) {
	plain := literal
	if base == "StringLike" || base == "ArnLike" {
		plain = wildcards
	}
	p, how := w.expand(value, variables, plain)
	if how != readable {
		return nil, how
	}
	switch base {
	case "StringEqualsIgnoreCase":
		p = ignoringCase(p)
	case "ArnLike":
		var ok bool
		if p, ok = arnPattern(p); !ok {
			return nil, faulty // U-23
		}
	}
	return p, readable
}

func compareBool(request, value string) (bool, bool) {
	a, ok1 := readBool(request)
	b, ok2 := readBool(value)
	return a == b, ok1 && ok2
}

// readBool is U-13.
func readBool(s string) (value, ok bool) {
	s = strings.ToLower(s)
	return s == "true", s == "true" || s == "false"
}

func compareBinary(request, value string) (bool, bool) {
	a, err1 := base64.StdEncoding.Strict().DecodeString(request)
	b, err2 := base64.StdEncoding.Strict().DecodeString(value)
	return bytes.Equal(a, b), err1 == nil && err2 == nil
}

// compareAddress is R4.4 and U-15.
func compareAddress(request, value string) (bool, bool) {
	a, err := netip.ParseAddr(request)
	network, ok := readNetwork(value)
	if err != nil || !ok {
		return false, false
	}
	return a.BitLen() == network.Addr().BitLen() && network.Contains(a), true
}

func readNetwork(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}

var decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

func readNumber(s string) (*big.Rat, bool) {
	if !decimal.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func compareNumbers(request, value string) (int, bool) {
	a, ok1 := readNumber(request)
	b, ok2 := readNumber(value)
	if !ok1 || !ok2 {
		return 0, false
	}
	return a.Cmp(b), true
}

func compareDates(request, value string) (int, bool) {
	a, ok1 := readDate(request)
	b, ok2 := readDate(value)
	if !ok1 || !ok2 {
		return 0, false
	}
	return a.Cmp(b), true
}

var (
	isoDate = regexp.MustCompile(`^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?$`)
	seconds = regexp.MustCompile(`^[0-9]+$`)
)

// readDate reads an instant as seconds of 1970: ISO 8601, where what is left out
// is the start of the period and the zone UTC (U-14), or seconds. Four digits
// are a year.
func readDate(s string) (*big.Rat, bool) {
	m := isoDate.FindStringSubmatch(s)
	if m == nil {
		if !seconds.MatchString(s) {
			return nil, false
		}
		return new(big.Rat).SetString(s)
	}
	part := func(i, otherwise int) int {
		if m[i] == "" {
			return otherwise
		}
		n, _ := strconv.Atoi(m[i]) // digits, by the expression
		return n
	}
	year, month, day, hour, minute, second := part(1, 0), part(2, 1), part(3, 1), part(4, 0), part(5, 0), part(6, 0)
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if int(t.Month()) != month || t.Day() != day || t.Hour() != hour || t.Minute() != minute || t.Second() != second {
		return nil, false // such as the 30th of February
	}
	instant := new(big.Rat).SetInt64(t.Unix())
	if m[7] != "" {
		fraction, _ := new(big.Rat).SetString("0" + m[7])
		instant.Add(instant, fraction)
	}
	if zone := m[8]; zone != "" && zone != "Z" {
		h, _ := strconv.Atoi(zone[1:3])
		min, _ := strconv.Atoi(zone[4:])
		if h > 23 || min > 59 {
			return nil, false
		}
		offset := int64(h*3600 + min*60)
		if zone[0] == '+' {
			offset = -offset
		}
		instant.Add(instant, new(big.Rat).SetInt64(offset))
	}
	return instant, true
}
