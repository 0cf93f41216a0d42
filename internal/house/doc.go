// Package house holds rules of this source that no linter knows. It is tests only: they read the source of every package and say which
// rule a package breaks, and what to write.
package house
