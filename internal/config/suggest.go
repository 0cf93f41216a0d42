package config

import "strings"

// nearest is the known word that a misspelt one was probably meant to be, or nothing.
func nearest(word string, known []string) string {
	best, bestDistance := "", len([]rune(word))/3+1
	for _, k := range known {
		if squeeze(k) == squeeze(word) { // baseUrl, base-url
			return k
		}
		if begins(k, word) || begins(word, k) { // pass, address
			best, bestDistance = k, 1
		}
		if d := distance(word, k); d < bestDistance && d < len([]rune(k)) {
			best, bestDistance = k, d
		}
	}
	return best
}

func begins(word, start string) bool { return len(start) >= 3 && strings.HasPrefix(word, start) }

// squeeze drops what spellings of one word differ in.
func squeeze(word string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(word))
}

// distance counts the insertions, deletions, replacements and swaps of neighbours that make b of a (Damerau's measure).
func distance(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	if len(x) > 64 || len(y) > 64 {
		return 64
	}
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
