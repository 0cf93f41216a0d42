package mapper

import (
	"regexp"
	"strings"
	"time"
)

// Checks of identity documents. Each gives the number as it is sent: letters in upper case, nothing else changed.

// checkOldIDCard is checkIDCard that also takes the 15 digits of before 1999, and sends the 18 that they stand for: the century is
// 19, and the check digit is reckoned. The old standard kept the sequence numbers 996 to 999 for people of a hundred years and more,
// born in the century before, so those stay a refusal.
func checkOldIDCard(s string, today time.Time) (sent, complaint string) {
	if len(s) != 15 || !isDigits(s) {
		return checkIDCard(s, today)
	}
	if s[12:] >= "996" {
		return s, "是 15 位旧身份证号，无法确定出生的世纪，请改填 18 位号码"
	}
	long := s[:6] + "19" + s[6:]
	return checkIDCard(long+string(checkDigit(long)), today)
}

// checkResidencePermit takes the residence permits for people from Hong Kong, Macao and Taiwan: made like identity cards, with 81,
// 82 or 83 in front.
func checkResidencePermit(s string, today time.Time) (sent, complaint string) {
	if countRunes(s) != 18 {
		return s, "应为 18 位港澳台居民居住证号，请核对"
	}
	if front := s[:2]; front != "81" && front != "82" && front != "83" {
		return s, "不是有效的港澳台居民居住证号（应以 81、82 或 83 开头），请核对"
	}
	return checkIDCard(s, today)
}

// checkPermanentResidence takes the permanent residence cards of foreigners: three letters and twelve digits, and since December
// 2023 eighteen digits that begin with 9 and end like an identity card.
func checkPermanentResidence(s string, _ time.Time) (sent, complaint string) {
	const wrong = "不是有效的外国人永久居留身份证号，请核对"
	up := strings.ToUpper(s)
	if len(up) == 15 && isLetters(up[:3]) && isDigits(up[3:]) {
		return up, ""
	}
	if len(up) != 18 || up[0] != '9' || !isDigits(up[:17]) || checkDigit(up[:17]) != up[17] {
		return s, wrong
	}
	if _, fault := parseCivil(up[6:14], orderYMD); fault != dateFine {
		return s, wrong
	}
	return up, ""
}

// document matches a number's form, after its letters were made upper case.
func document(pattern *regexp.Regexp, complaint string) check {
	return func(s string, _ time.Time) (string, string) {
		if up := strings.ToUpper(s); pattern.MatchString(up) {
			return up, ""
		}
		return s, complaint
	}
}

func isLetters(s string) bool { return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" }

// checkPassport takes any country's: five to nine letters and digits with a digit among them (ICAO Doc 9303, part 4).
func checkPassport(s string, today time.Time) (sent, complaint string) {
	const wrong = "不是有效的护照号码（应为 5 到 9 位字母和数字），请核对"
	sent, complaint = document(regexp.MustCompile(`^[A-Z0-9]{5,9}$`), wrong)(s, today)
	if complaint == "" && !strings.ContainsAny(sent, "0123456789") {
		return s, wrong
	}
	return sent, complaint
}
