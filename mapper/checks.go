package mapper

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// A check looks at a converted text. It gives the text as it should be sent, and a complaint for the counsellor: the part of the
// sentence that follows the field's name, empty where all is well.
type check func(s string, today time.Time) (sent, complaint string)

// findCheck knows the words that a field's check may be. none is no check.
func findCheck(word string) (check, error) {
	switch word {
	case "none":
		return func(s string, _ time.Time) (string, string) { return s, "" }, nil
	case "id_card":
		return checkIDCard, nil
	case "id_card_15":
		return checkOldIDCard, nil
	case "residence_permit":
		return checkResidencePermit, nil
	case "permanent_residence":
		return checkPermanentResidence, nil
	case "passport":
		return checkPassport, nil
	case "hk_macau_permit":
		return document(regexp.MustCompile(`^[HM](?:[0-9]{8}|[0-9]{10})$`), "不是有效的港澳居民来往内地通行证号，请核对"), nil
	case "taiwan_permit":
		return document(regexp.MustCompile(`^[0-9]{8}(?:[0-9]{2}(?:\([A-Z0-9]\)|[A-Z])?)?$`), "不是有效的台湾居民来往大陆通行证号，请核对"), nil
	case "mobile":
		return matching(regexp.MustCompile(`^1[3-9][0-9]{9}$`), "不是有效的 11 位手机号码，请核对后重新递交"), nil
	case "phone":
		return matching(regexp.MustCompile(`^(?:1[3-9][0-9]{9}|0[0-9]{2,3}[- ]?[2-9][0-9]{6,7}(?:(?:-|转)[0-9]{1,6})?)$`),
			"不是有效的电话号码，请只填一个手机号码，或一个带区号的座机号码（如 0574-88000000）"), nil
	default:
		return nil, fmt.Errorf("check %q is not known; use %s", word, strings.Join(checkWords(), ", "))
	}
}

func checkWords() []string {
	return []string{
		"id_card", "id_card_15", "residence_permit", "permanent_residence", "passport", "hk_macau_permit", "taiwan_permit", "mobile",
		"phone", "none",
	}
}

// A checkBy is a CheckBy that was made ready to run.
type checkBy struct {
	from      source
	kinds     map[string]wordedCheck
	otherwise *wordedCheck
}

type wordedCheck struct {
	check check
	word  string
}

// choose finds the check for a kind of document. ok is false where the configuration names none.
func (c *checkBy) choose(kind string) (chosen wordedCheck, ok bool) {
	if chosen, ok = c.kinds[kind]; ok {
		return chosen, true
	}
	if c.otherwise == nil {
		return wordedCheck{}, false
	}
	return *c.otherwise, true
}

func matching(pattern *regexp.Regexp, complaint string) check {
	return func(s string, _ time.Time) (string, string) {
		if !pattern.MatchString(s) {
			return s, complaint
		}
		return s, ""
	}
}

// checkIDCard checks a citizen identification number by GB 11643-1999, and the residence permits of people from Hong Kong, Macao
// and Taiwan (81, 82, 83), which are made alike. A lower-case x is sent as X. There is no lower limit to the year of birth: the
// standard's own example is of 1880, and whoever wants a limit writes a rule. Fifteen digits are refused: the old number names no
// century, and nobody but the person can say which new one is theirs.
func checkIDCard(s string, today time.Time) (sent, complaint string) {
	if n := countRunes(s); n == 15 && isDigits(s) {
		return s, "是 15 位旧身份证号，请改填 18 位号码"
	} else if n != 18 {
		return s, fmt.Sprintf("应为 18 位身份证号，现在有 %d 位，请核对", n)
	}
	last := s[len(s)-1]
	if !isDigits(s[:17]) || last != 'x' && last != 'X' && (last < '0' || last > '9') {
		return s, "含有身份证号中不会出现的字符（如全角数字、空格或字母），请核对"
	}
	born, fault := parseCivil(s[6:14], orderYMD)
	switch {
	case !isProvince(s[:2]):
		return s, "的前两位不是有效的省级代码，请核对"
	case fault != dateFine:
		return s, "中的出生日期不存在，请核对"
	case time.Date(born.year, time.Month(born.month), born.day, 0, 0, 0, 0, today.Location()).After(today):
		return s, "中的出生日期晚于今天，请核对"
	case checkDigit(s[:17]) != last&^0x20 && checkDigit(s[:17]) != last:
		return s, "的最后一位校验码不对，可能录错了数字，请核对"
	}
	if last == 'x' {
		return s[:17] + "X", ""
	}
	return s, ""
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// isProvince knows the first two digits of GB/T 2260, and the residence permits.
func isProvince(code string) bool {
	switch code {
	case "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45", "46",
		"50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82", "83":
		return true
	default:
		return false
	}
}

// checkDigit is ISO 7064 MOD 11-2 over the first 17 digits.
func checkDigit(digits string) byte {
	sum := 0
	for i := range 17 {
		weight := 1 << (17 - i) % 11
		sum += int(digits[i]-'0') * weight
	}
	return "10X98765432"[sum%11]
}
