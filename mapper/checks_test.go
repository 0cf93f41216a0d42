package mapper

import (
	"encoding/json"
	"testing"
	"time"

	"talkbridge/internal/fixture"

	"github.com/stretchr/testify/require"
)

func today() time.Time { return time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC) }

// TestIDCardVectors runs the published vectors. The one of 1880 counts as valid, see checkIDCard; the residence permit, on which
// the vectors leave the choice to us, is accepted.
func TestIDCardVectors(t *testing.T) {
	var vectors []struct {
		ID    string `json:"id"`
		Valid *bool  `json:"valid"`
		Note  string `json:"note"`
	}
	require.NoError(t, json.Unmarshal(fixture.IDCardVectors, &vectors))
	require.Len(t, vectors, 12)
	for _, v := range vectors {
		_, complaint := checkIDCard(v.ID, today())
		want := v.Valid == nil || *v.Valid
		require.Equal(t, want, complaint == "", "%s: %s", v.Note, complaint)
	}
}

func TestIDCardComplaintsSayWhatIsWrong(t *testing.T) {
	for id, want := range map[string]string{
		"330000790606001":    "是 15 位旧身份证号，请改填 18 位号码",
		"C01X00T47":          "应为 18 位身份证号，现在有 9 位，请核对",
		"３３００００20060718":     "应为 18 位身份证号，现在有 14 位，请核对",
		"3300002006030520１4": "含有身份证号中不会出现的字符（如全角数字、空格或字母），请核对",
		"33000020060305201a": "含有身份证号中不会出现的字符（如全角数字、空格或字母），请核对",
		"990000200601010016": "的前两位不是有效的省级代码，请核对",
		"330000200602300012": "中的出生日期不存在，请核对",
		"330000202603110013": "中的出生日期晚于今天，请核对",
		"330000200603052010": "的最后一位校验码不对，可能录错了数字，请核对",
		"33000020060305201P": "含有身份证号中不会出现的字符（如全角数字、空格或字母），请核对",
	} {
		_, complaint := checkIDCard(id, today())
		require.Equal(t, want, complaint, id)
	}
	sent, complaint := checkIDCard("11010519491231002x", today())
	require.Empty(t, complaint)
	require.Equal(t, "11010519491231002X", sent)
}

func TestPhones(t *testing.T) {
	for number, want := range map[string]struct{ mobile, phone bool }{
		"13800000201":               {true, true},
		"19912345678":               {true, true},
		"12800000201":               {},
		"1380000217":                {},
		"138000002011":              {},
		"+86-13800001236":           {},
		"１３８００００１２３４":               {},
		"13800001235\u200b":         {},
		"0574-88000001":             {false, true},
		"010-65000000":              {false, true},
		"057488000001":              {false, true},
		"0574-88000001-8012":        {false, true},
		"0574-88000001转802":         {false, true},
		"88000001":                  {},
		"0574-08000001":             {},
		"13800009006 / 13800009007": {},
		"０５７４-88000000":             {},
	} {
		for word, valid := range map[string]bool{"mobile": want.mobile, "phone": want.phone} {
			c, err := findCheck(word)
			require.NoError(t, err)
			_, complaint := c(number, today())
			require.Equal(t, valid, complaint == "", "%s %s: %s", word, number, complaint)
		}
	}
}
