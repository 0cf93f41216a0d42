package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

// This file is as much of HTTP/1.1 as the sink needs for calls: requests with a Content-Length on connections that stay open. A full
// server takes as much of the machine as what is measured, and on the same two cores that would bring floors and bridge together.

const (
	yes   = `{"code":0,"msg":"ok"}`
	token = `{"access_token":"token-of-the-sink","token_type":"bearer","expires_in":86400}`
)

func answer(body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// serve takes calls until the listener is closed.
func (s *sink) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			if err := s.calls(conn); !errors.Is(err, io.EOF) {
				fmt.Fprintln(os.Stderr, "a connection ended:", err)
			}
		}()
	}
}

// calls takes calls from one connection until it ends, and gives how.
func (s *sink) calls(conn net.Conn) error {
	in := bufio.NewReaderSize(conn, 8<<10)
	ok, ticket := answer(yes), answer(token)
	var body []byte
	for {
		forToken, length, err := readHead(in)
		if err != nil {
			return err
		}
		if cap(body) < length {
			body = make([]byte, length)
		}
		body = body[:length]
		if _, err := io.ReadFull(in, body); err != nil {
			return fmt.Errorf("read a body: %w", err)
		}
		reply := ticket
		if !forToken {
			reply = ok
			time.Sleep(time.Until(s.took(body))) //nolint:forbidigo // a platform that takes its time
		}
		if _, err := conn.Write(reply); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}

// readHead reads the first line and the headers.
func readHead(in *bufio.Reader) (forToken bool, length int, err error) {
	length = -1
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return false, 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case first:
			forToken = bytes.Contains(line, []byte("/oauth2/token "))
		case len(line) == 0 && length < 0:
			return false, 0, errors.New("a request without Content-Length")
		case len(line) == 0:
			return forToken, length, nil
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil || length < 0 {
				return false, 0, fmt.Errorf("Content-Length: %q", value)
			}
		}
	}
}
