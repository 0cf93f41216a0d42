package sqlrow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/sqlrow"
)

func TestJSONHasOneSpelling(t *testing.T) {
	for raw, want := range map[string]string{
		`{"b": [1, 2.50, true, null],  "a": "x: \" 1e5, 中"}`:                                                               `{"b":[1,2.50,true,null],"a":"x: \" 1e5, 中"}`,
		`[1e100, 10000000000000000159028911097599180468360808563945281389781327557747838772170381060813469985856815104.0]`: `[1e+100,1e+100]`,
		`[0.00000000015, 1.5e-10, -1e15, -1000000000000000.0]`:                                                             `[1.5e-10,1.5e-10,-1e+15,-1e+15]`,
		`[18446744073709551615, -0.0, 0.1, 100.0, 0.0001, 1e300]`:                                                          `[18446744073709551615,-0.0,0.1,100.0,0.0001,1e+300]`,
	} {
		got, err := sqlrow.JSON([]byte(raw))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := sqlrow.JSON([]byte(`{"a": secret}`))
	require.EqualError(t, err, "the text is not valid JSON")
}
