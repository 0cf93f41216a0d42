package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// computed tells how much a process has computed so far, by the kernel's accounts of its threads, which are kept in nanoseconds
// (proc(5), /proc/PID/schedstat). What threads computed that have ended is not in it; neither Go nor the servers end theirs.
func computed(pid int) (time.Duration, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(tasks) == 0 {
		return 0, fmt.Errorf("process %d is gone", pid)
	}
	var sum int64
	for _, task := range tasks {
		text, err := os.ReadFile(task) //nolint:gosec // of the kernel
		if err != nil {
			continue // a thread that has just ended
		}
		ns, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(ns, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", task, err)
		}
		sum += n
	}
	return time.Duration(sum), nil
}
