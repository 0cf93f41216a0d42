// Package manuals holds the college's manuals, docs/zh, to what the program does. Its tests take every command, statement and setting out
// of them and run it: on a private MariaDB, against the stand-in platform, with a talkbridge that the manual's own steps have installed.
package manuals
