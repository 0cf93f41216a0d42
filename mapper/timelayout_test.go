package mapper

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTimeLayouts(t *testing.T) {
	for layout, want := range map[string]string{
		"yyyy-MM-dd HH:mm:ss":     "2026-03-05 04:07:09",
		"yyyy/MM/dd":              "2026/03/05",
		"yyyyMMdd":                "20260305",
		"yyyyMMddHHmmssSSS":       "20260305040709012",
		"yyyy-MM-dd'T'HH:mm:ss":   "2026-03-05T04:07:09",
		"yyyy-MM-ddTHH:mm:ss.SSS": "2026-03-05T04:07:09.012",
		"SSSSSS":                  "012345",
		"yy-M-d H:m:s":            "26-3-5 4:7:9",
		"yyyy'年'MM'月'dd'日'":       "2026年03月05日",
		"yyyy年MM月dd日":             "2026年03月05日",
		"HH 'o''clock' ''":        "04 o'clock '",
	} {
		l, err := parseTimeLayout(layout)
		require.NoError(t, err, layout)
		c, fault := parseCivil("2026-03-05 04:07:09.012345", orderYMD)
		require.Equal(t, dateFine, fault)
		require.Equal(t, want, l.format(c), layout)
	}
}

func TestTimeLayoutsThatWouldNotBeWrittenExactlyAreRefused(t *testing.T) {
	for _, layout := range []string{"", "YYYY-MM-dd", "yyyy-MM-DD", "hh:mm", "yyyy-MMM", "yyyy 'open", "yyyyy", "Z", "ss.SSSSSSSSSS"} {
		_, err := parseTimeLayout(layout)
		require.Error(t, err, layout)
	}
}

func TestDatesAreReadAsTheyStandInColumns(t *testing.T) {
	for text, want := range map[string]civil{
		"2026-03-05":                 {year: 2026, month: 3, day: 5},
		"2026-03-05 14:30:00":        {2026, 3, 5, 14, 30, 0, 0},
		"2026-03-05 14:30:00.5":      {2026, 3, 5, 14, 30, 0, 500_000_000},
		"2026-03-05 14:30:00.000123": {2026, 3, 5, 14, 30, 0, 123_000},
		"2026/3/5 9:05":              {2026, 3, 5, 9, 5, 0, 0},
		"2026.03.05":                 {year: 2026, month: 3, day: 5},
		"2026-03-05T14:30:00":        {2026, 3, 5, 14, 30, 0, 0},
		" 20260305 ":                 {year: 2026, month: 3, day: 5},
		"20260305143001":             {2026, 3, 5, 14, 30, 1, 0},
		"2024-02-29":                 {year: 2024, month: 2, day: 29},
	} {
		got, fault := parseCivil(text, orderYMD)
		require.Equal(t, dateFine, fault, text)
		require.Equal(t, want, got, text)
	}
}

func TestDatesThatAreNone(t *testing.T) {
	for text, want := range map[string]dateFault{
		"0000-00-00":             dateZero,
		"0000-00-00 00:00:00":    dateZero,
		"2026-00-10 09:00:00":    datePartial,
		"2026-03-00":             datePartial,
		"0000-03-05":             datePartial,
		"2026-02-30":             dateUnreal,
		"2025-02-29":             dateUnreal,
		"2026-13-01":             dateUnreal,
		"2026-03-05 24:00:00":    dateUnreal,
		"2026-03-05 10:60:00":    dateUnreal,
		"00000000":               dateZero,
		"":                       dateUnreadable,
		"2026-03/05":             dateUnreadable,
		"2026-03-05 14:30:00 PM": dateUnreadable,
		"2026-03-05 14":          dateUnreadable,
		"2026-03-05 14:30:00.":   dateUnreadable,
		"14:30:00":               dateUnreadable,
		"昨天":                     dateUnreadable,
		"1772692200":             dateUnreadable,
	} {
		_, fault := parseCivil(text, orderYMD)
		require.Equal(t, want, fault, text)
	}
}
