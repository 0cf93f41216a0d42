package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// parseDuration reads what time.ParseDuration reads, and whole days before it: 400d, 1d12h. A day is 24 hours.
func parseDuration(text string) (time.Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseUint(days, 10, 32)
	if err != nil {
		return 0, errors.New("not a number of days")
	}
	var hours time.Duration
	if rest != "" {
		if hours, err = time.ParseDuration(rest); err != nil || hours < 0 {
			return 0, errors.New("not a duration after the days")
		}
	}
	if int64(n) > (math.MaxInt64-int64(hours))/int64(day) {
		return 0, errors.New("out of range")
	}
	return time.Duration(n)*day + hours, nil
}

// formatDuration writes d so that parseDuration reads it, without the zero parts.
func formatDuration(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
