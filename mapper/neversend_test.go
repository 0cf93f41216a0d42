package mapper

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNamesAreComparedByTheirWords(t *testing.T) {
	d, err := newDenial([]string{"jtqk", "ylbx*", "home_visit"}, []string{"SDS_lx"})
	require.NoError(t, err)
	for name, want := range map[string]string{
		"phq9": "phq*", "PHQ9": "phq*", "phq_9_total": "phq*", "phqscore": "phq*", "totalPhq9": "phq*", "PHQ-9": "phq*",
		"sds": "sds", "sds_zf": "sds", "xl_sds": "sds", "sdsTotal": "sds", "gad7": "gad7", "gad_7": "gad7", "gad7fen": "gad7", "scl90": "scl90", "SCL_90_SOM": "scl90",
		"diagnosis": "diagnos*", "diagnosed_at": "diagnos*", "zhenduan_jg": "zhenduan*", "zhenduanjg": "zhenduan*", "初步诊断结果": "诊断", "量表分": "量表",
		"suicide_risk": "suicid*", "selfHarm": "self_harm", "icd10_code": "icd", "宗教信仰": "宗教", "religion": "religio*",
		"jtqk": "jtqk", "ylbx_no": "ylbx*", "ylbxh": "ylbx*", "homeVisit": "home_visit", "last_home_visit_at": "home_visit",
		"sds_lx": "", "jsds": "", "xsds": "", "sdsj": "", "gad": "", "gadget7": "", "medical": "", "th_fs": "", "thnr": "", "id": "", "": "", "_": "", "visit_home": "",
		"financial_aids": "", "gzdj": "", "sfzjh": "", "zjlx": "", "epidemic": "",
	} {
		entry, denied := d.matches(name)
		require.Equal(t, want != "", denied, name)
		require.Equal(t, want, entry, name)
	}
}

func TestADenialHasToNameSomething(t *testing.T) {
	for _, text := range []string{"", "*", "__", "a_*"} {
		_, err := newDenial([]string{text}, nil)
		require.ErrorContains(t, err, "deny_columns", text)
	}
}

// TestTheListSparesTheExample: no entry may stand in the way of an ordinary mapping.
func TestTheListSparesTheExample(t *testing.T) {
	d, err := newDenial(nil, nil)
	require.NoError(t, err)
	for _, name := range []string{
		"id", "th_lx", "th_zt", "th_fs", "gh", "kssj", "jssj", "sc", "dd", "bt", "thnr", "clyj", "czwt", "xsfk", "gzdx_id", "jtcy_id", "tj_zt", "scbz",
		"xh", "xm", "sfzjh", "sjh", "xymc", "zymc", "bjmc", "nj", "gzdj", "gzlx", "gzyy", "gx_dm", "create_time", "update_by", "del_flag", "remark",
		"student_id", "counselor_no", "talk_type", "content", "basic_info", "has_psychology_record", "xlzx_lx", "zdgz",
	} {
		require.NoError(t, d.refuse(name))
	}
}

func TestNestedNamesAreFound(t *testing.T) {
	d, err := newDenial(nil, nil)
	require.NoError(t, err)
	for text, want := range map[string]bool{
		`{"a": 1}`: false, `{"phq9": 1}`: true, `{"a": [{"b": {"诊断": 1}}]}`: true, `["phq9"]`: false, `"phq9"`: false, `null`: false,
	} {
		nested, err := nestedDatum(text)
		require.NoError(t, err)
		require.Equal(t, want, d.holdsDenied(nested.tree), text)
	}
}
