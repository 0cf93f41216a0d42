package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"talkbridge/internal/rig"
	"talkbridge/internal/testserver"
)

// masterName is what the Sentinels call the master.
const masterName = "talk"

// A redisSet is two servers, one the other's replica, and three Sentinels that watch them. Each has its own configuration file, which
// it rewrites as roles change, so that one that comes back knows what it was (testserver.Watched has none: its members do not
// come back).
type redisSet struct {
	servers   []*redisNode
	sentinels []*redisNode
	url       string // state.url of the bridges
}

type redisNode struct {
	*rig.Process

	addr   string
	client *redis.Client
}

func startRedis(ctx context.Context, dir string) (*redisSet, error) {
	set := &redisSet{}
	for i := range 2 {
		config := "appendonly yes\nappendfsync everysec\nsave \"\"\nmaxmemory-policy noeviction\nrepl-diskless-sync-delay 0\n"
		if i == 1 {
			config += "replicaof " + strings.Replace(set.servers[0].addr, ":", " ", 1) + "\n"
		}
		node, err := startRedisNode(ctx, dir, fmt.Sprintf("redis-%d", i+1), config)
		if err != nil {
			return set, err
		}
		set.servers = append(set.servers, node)
	}
	var hosts []string
	for i := range 3 {
		config := fmt.Sprintf("sentinel monitor %s %s 2\nsentinel down-after-milliseconds %[1]s 2000\nsentinel failover-timeout %[1]s 10000\n",
			masterName, strings.Replace(set.servers[0].addr, ":", " ", 1))
		node, err := startRedisNode(ctx, dir, fmt.Sprintf("sentinel-%d", i+1), config, "--sentinel")
		if err != nil {
			return set, err
		}
		set.sentinels = append(set.sentinels, node)
		hosts = append(hosts, node.addr)
	}
	set.url = "redis+sentinel://" + strings.Join(hosts, ",") + "/" + masterName + "/0"
	return set, set.whole(ctx)
}

func startRedisNode(ctx context.Context, dir, name, config string, args ...string) (*redisNode, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis-server is not installed (make e2e installs it): %w", err)
	}
	port, err := testserver.FreePort()
	if err != nil {
		return nil, err
	}
	own := filepath.Join(dir, name)
	if err := os.Mkdir(own, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	file := filepath.Join(own, "redis.conf")
	config = fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\n%s", port, own, config)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("write a configuration: %w", err)
	}
	n := &redisNode{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	n.client = redis.NewClient(&redis.Options{Addr: n.addr, DialTimeout: time.Second, MaxRetries: -1, DisableIdentity: true})
	n.Process = &rig.Process{Name: name, Path: path, Args: append([]string{file}, args...), Log: filepath.Join(dir, name+".log")}
	n.Ready = func(ctx context.Context) error { return n.client.Ping(ctx).Err() }
	return n, n.Start(ctx)
}

// role gives master or slave, and whether a replica is connected to its master, or a master has a replica.
func (n *redisNode) role(ctx context.Context) (role string, linked bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	text, err := n.client.Info(ctx, "replication").Result()
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(text) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name {
		case "role":
			role = value
		case "master_link_status":
			linked = value == "up"
		case "connected_slaves":
			linked = linked || role == "master" && value != "0" // a replica has this line too
		}
	}
	return role, linked
}

// byRole finds the servers by what they are now.
func (r *redisSet) byRole(ctx context.Context) (master, replica *redisNode) {
	for _, n := range r.servers {
		switch role, _ := n.role(ctx); role {
		case "master":
			master = n
		case "slave":
			replica = n
		}
	}
	return master, replica
}

// whole waits until there is one master with its replica connected, and every Sentinel knows both and the other Sentinels.
func (r *redisSet) whole(ctx context.Context) error {
	return rig.Until(ctx, time.Minute, func() error {
		roles := map[string]int{}
		for _, n := range r.servers {
			role, linked := n.role(ctx)
			if linked {
				roles[role]++
			}
		}
		if roles["master"] != 1 || roles["slave"] != 1 {
			return fmt.Errorf("redis is not whole: %v", roles)
		}
		for _, s := range r.sentinels {
			state, err := s.client.Do(ctx, "SENTINEL", "CKQUORUM", masterName).Text()
			if err != nil || !strings.HasPrefix(state, "OK 3 ") {
				return fmt.Errorf("%s: %s %w", s.Name, state, err)
			}
		}
		return nil
	})
}

func (r *redisSet) stop() {
	if r == nil {
		return
	}
	for _, n := range append(r.sentinels, r.servers...) {
		_ = n.client.Close()
		_ = n.Stop()
	}
}
