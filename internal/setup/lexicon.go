package setup

import (
	"slices"
	"strings"
	"unicode"
)

// An entity is whose attribute a field is.
type entity string

const (
	ofTalk    entity = "talk"
	ofStaff   entity = "counselor"
	ofStudent entity = "student"
	ofParent  entity = "parent"
)

// A concept is a thing that schools' tables and platforms' documents call by many names: pinyin initials, English, Chinese.
type concept struct {
	of      entity
	props   []string // as contracts name it
	names   []string // columns that say it whatever the table
	bare    []string // columns that say it inside the entity's own table
	chinese []string // in comments and titles
}

// concepts is what schools' systems call things: those of the field (正方, 金智, RuoYi and their like) as far as they are known to us.
func concepts() []concept {
	return []concept{
		{ofStaff, []string{"counselorNo", "teacherNo"}, []string{"gh", "jgh", "zgh", "fdygh", "jsgh", "counselor_no", "teacher_no", "staff_no", "job_no", "job_number"}, []string{"user_name", "no", "code", "login_name"}, []string{"工号", "教工号", "职工号", "谈话人工号"}},
		{ofStaff, []string{"counselorName", "teacherName"}, []string{"jsxm", "fdyxm", "jzgxm", "counselor_name", "teacher_name", "staff_name"}, []string{"xm", "nick_name", "real_name", "name"}, []string{"谈话教师姓名", "教师姓名", "辅导员姓名", "姓名", "用户昵称"}},
		{ofStaff, []string{"counselorIdCard", "teacherIdCard"}, []string{"js_sfzjh", "counselor_id_card", "teacher_id_card"}, idCardNames(), []string{"身份证件号", "身份证号", "证件号码"}},
		{ofStudent, []string{"studentNo"}, []string{"xh", "xsxh", "student_no", "stu_no", "sno", "student_number", "student_code"}, []string{"no", "code"}, []string{"学号"}},
		{ofStudent, []string{"studentName"}, []string{"xsxm", "student_name", "stu_name"}, []string{"xm", "real_name", "name"}, []string{"学生姓名", "姓名"}},
		{ofStudent, []string{"studentIdCard"}, []string{"xs_sfzjh", "student_id_card"}, idCardNames(), []string{"身份证件号", "身份证号", "证件号码", "证件号"}},
		{ofStudent, []string{"studentPhone"}, []string{"xs_sjh", "student_phone", "student_mobile"}, phoneNames(), []string{"手机号", "手机号码", "联系电话"}},
		{ofStudent, []string{"collegeName"}, []string{"xymc", "yxmc", "college_name", "college", "faculty_name", "department_name"}, []string{"xy", "dept_name"}, []string{"学院", "院系"}},
		{ofStudent, []string{"majorName"}, []string{"zymc", "major_name", "major"}, nil, []string{"专业"}},
		{ofStudent, []string{"className"}, []string{"bjmc", "class_name", "clazz_name"}, nil, []string{"班级"}},
		{ofStudent, []string{"grade"}, []string{"nj", "grade", "enrol_year", "enroll_year"}, nil, []string{"年级"}},
		{ofStudent, []string{"attentionLevel"}, []string{"gzdj", "attention_level", "concern_level", "focus_level", "care_level"}, nil, []string{"关注等级", "关注级别"}},
		{ofParent, []string{"patriarchName", "parentName", "guardianName"}, []string{"jzxm", "parent_name", "guardian_name", "family_name"}, []string{"xm", "name", "real_name"}, []string{"家长姓名", "监护人姓名", "成员姓名", "姓名"}},
		{ofParent, []string{"patriarchRelation", "parentRelation"}, []string{"gxdm", "gx", "relation", "relationship", "relation_code"}, nil, []string{"与学生关系", "关系"}},
		{ofParent, []string{"patriarchPhone", "parentPhone"}, []string{"jz_sjh", "jzdh", "parent_phone", "guardian_phone"}, phoneNames(), []string{"联系电话", "手机号", "电话"}},
		{ofTalk, []string{"talkType", "talkTopic"}, []string{"thzt", "zt_lb", "talk_topic", "topic_type", "talk_category", "category", "topic", "subject_type"}, nil, []string{"主题类别", "谈话主题", "谈话类别"}},
		{ofTalk, []string{"talkMode", "talkWay"}, []string{"thfs", "talk_mode", "talk_way", "talk_method", "mode", "way"}, nil, []string{"谈话方式", "方式"}},
		{ofTalk, []string{"talkTime", "startTime", "talkDate"}, []string{"kssj", "thsj", "thrq", "talk_time", "start_time", "begin_time", "talk_date"}, nil, []string{"谈话开始时间", "开始时间", "谈话时间"}},
		{ofTalk, []string{"endTime"}, []string{"jssj", "end_time", "finish_time"}, nil, []string{"结束时间"}},
		{ofTalk, []string{"duration"}, []string{"sc", "thsc", "duration", "talk_minutes", "minutes", "duration_minutes"}, nil, []string{"时长", "分钟"}},
		{ofTalk, []string{"talkPlace", "place", "address"}, []string{"dd", "thdd", "talk_place", "place", "location", "talk_location", "address"}, nil, []string{"谈话地点", "地点"}},
		{ofTalk, []string{"talkTitle", "title"}, []string{"bt", "thbt", "talk_title", "title", "subject"}, nil, []string{"谈话标题", "标题"}},
		{ofTalk, []string{"talkContent", "content"}, []string{"thnr", "nr", "talk_content", "content", "detail"}, nil, []string{"谈话内容", "内容"}},
		{ofTalk, []string{"problem"}, []string{"czwt", "problem", "question", "confusion"}, nil, []string{"困惑", "存在的问题", "存在问题"}},
		{ofTalk, []string{"measure"}, []string{"clyj", "cs", "measure", "measures", "handle_opinion", "suggestion"}, nil, []string{"处理意见", "帮扶措施", "措施"}},
		{ofTalk, []string{"followUp"}, []string{"sfxgj", "follow_up", "need_follow", "need_follow_up"}, nil, []string{"需跟进", "是否跟进"}},
		{ofTalk, []string{"followUpDate"}, []string{"gjrq", "follow_up_date", "follow_date", "next_date"}, nil, []string{"跟进日期", "下次跟进"}},
		{ofTalk, []string{"remark"}, []string{"bz", "remark", "remarks", "note"}, nil, []string{"备注"}},
		{ofTalk, []string{"studentFeedback", "patriarchFeedback", "feedback"}, []string{"xsfk", "jzfk", "fk", "feedback", "student_feedback"}, nil, []string{"反馈"}},
		{ofTalk, []string{"groupName"}, []string{"qtmc", "group_name"}, nil, []string{"群体名称"}},
	}
}

func idCardNames() []string {
	return []string{"sfzjh", "sfzh", "zjhm", "zjh", "id_card", "idcard", "id_card_no", "identity_no", "id_number", "card_no"}
}

func phoneNames() []string {
	return []string{"sjh", "sjhm", "lxdh", "dh", "phone", "mobile", "phonenumber", "phone_number", "mobile_phone", "tel", "telephone"}
}

// conceptOf is what a contract's member means. One that is not in the lexicon is looked for by its own name and title.
func conceptOf(p Property) concept {
	for _, c := range concepts() {
		if slices.ContainsFunc(c.props, func(name string) bool { return plain(name) == plain(p.Name) }) {
			return c
		}
	}
	c := concept{of: ofTalk, names: []string{snake(p.Name)}, chinese: []string{p.Title}}
	for _, e := range entities() {
		if attribute, is := strings.CutPrefix(snake(p.Name), string(e.of)+"_"); is {
			c.of, c.bare = e.of, []string{attribute}
		}
	}
	return c
}

// An entityHint is how the table of an entity is recognised.
type entityHint struct {
	of      entity
	names   []string // parts of its name
	chinese []string // in its comment
}

func entities() []entityHint {
	return []entityHint{
		{ofStaff, []string{"fdyxx", "fdy", "jzg", "jsxx", "teacher", "counselor", "staff", "sysuser"}, []string{"辅导员", "教职工", "教师信息", "用户信息", "用户表"}},
		{ofStudent, []string{"xsxx", "xsjbxx", "student", "stu"}, []string{"学生基本信息", "学生信息", "学生表", "学生"}},
		{ofParent, []string{"jtcy", "jzxx", "parent", "guardian", "family"}, []string{"家庭成员", "家长", "监护人"}},
	}
}

// plain takes away case and underscores: th_fs, THFS and thFs are one name.
func plain(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}

// snake writes talkTime as talk_time.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
