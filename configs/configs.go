// Package configs carries the example configuration and the contracts that belong to it, so that the demonstration and the
// platform simulator run from the binary alone.
package configs

import "embed"

// Files holds talkbridge.yaml, demo-account.sql and contracts/.
//
//go:embed talkbridge.yaml demo-account.sql contracts/*.json
var Files embed.FS
