//go:build !unix

package state

// mayWrite cannot be known without writing here; Open will say.
func mayWrite(string) bool { return true }
