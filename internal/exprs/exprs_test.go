package exprs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/exprs"
)

func TestConditionOverARow(t *testing.T) {
	p, err := exprs.CompileCondition(`th_lx == "1" && scbz == "0"`)
	require.NoError(t, err)
	require.Equal(t, []string{"scbz", "th_lx"}, p.Names())
	row := func(th, sc string) map[string]any {
		return exprs.Env(map[string]bridge.Value{"th_lx": {Kind: bridge.KindText, Text: th}, "scbz": {Kind: bridge.KindText, Text: sc}})
	}
	for _, c := range []struct {
		th, sc string
		want   bool
	}{{"1", "0", true}, {"1", "1", false}, {"2", "0", false}} {
		holds, err := p.Holds(row(c.th, c.sc))
		require.NoError(t, err)
		require.Equal(t, c.want, holds)
	}
}

func TestNowIsAVariableAndNilCompares(t *testing.T) {
	p, err := exprs.CompileCondition(`(endTime == nil || endTime >= talkTime) && talkTime <= now`)
	require.NoError(t, err)
	require.Equal(t, []string{"endTime", "now", "talkTime"}, p.Names())
	holds, err := p.Holds(map[string]any{"talkTime": "2026-03-05 14:30:00", "now": "2026-03-05 14:30:01", "endTime": nil})
	require.NoError(t, err)
	require.True(t, holds)
}

func TestBadExpressionSaysWhich(t *testing.T) {
	_, err := exprs.CompileCondition(`th_lx ==`)
	require.ErrorContains(t, err, `th_lx ==`)
	_, err = exprs.CompileCondition(`1 + 1`)
	require.Error(t, err)
}

func TestIntegersKeepEveryDigit(t *testing.T) {
	require.Equal(t, "18446744073709551615", exprs.Native(bridge.Value{Kind: bridge.KindInt, Text: "18446744073709551615"}))
	require.Equal(t, -60, exprs.Native(bridge.Value{Kind: bridge.KindInt, Text: "-60"}))
}

func TestMembersOfAVariable(t *testing.T) {
	p, err := exprs.Compile(`student?.xm + student["xh"] + student.xm + upper(parent.xm) + list[0].no`)
	require.NoError(t, err)
	require.Equal(t, []string{"xm", "xh"}, p.Members("student"))
	require.Equal(t, []string{"xm"}, p.Members("parent"))
	require.Empty(t, p.Members("list"))
	require.Equal(t, []string{"list", "parent", "student"}, p.Names())
}

// Columns and fields have names such as type, date and duration, which the language has functions for.
func TestANameThatIsReadIsAVariableWhateverFunctionsThereAre(t *testing.T) {
	for source, env := range map[string]map[string]any{
		`duration <= 480`:                {"duration": 45},
		`type == "1" && len(date) == 10`: {"type": "1", "date": "2026-03-05"},
		`max([count, 2]) == 3`:           {"count": 3},
	} {
		p, err := exprs.CompileCondition(source)
		require.NoError(t, err, source)
		holds, err := p.Holds(env)
		require.NoError(t, err, source)
		require.True(t, holds, source)
	}
}
