package testserver

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A Cluster is some Redis nodes that share the slots, without replicas.
type Cluster struct{ Nodes []*Redis }

// slots is how many there are in every Cluster.
const slots = 16384

// URL is the Cluster as talkbridge's state.url.
func (c *Cluster) URL() string {
	addrs := make([]string, 0, len(c.Nodes))
	for _, n := range c.Nodes {
		addrs = append(addrs, n.Addr)
	}
	return "redis+cluster://" + strings.Join(addrs, ",")
}

// Stop ends all nodes.
func (c *Cluster) Stop() {
	for _, n := range c.Nodes {
		n.Stop()
	}
}

// NewCluster starts n nodes under dir and waits until they agree.
func NewCluster(dir string, n int, args ...string) (*Cluster, error) {
	c := &Cluster{}
	for i := range n {
		if err := c.add(filepath.Join(dir, "node-"+strconv.Itoa(i)), args); err != nil {
			c.Stop()
			return nil, err
		}
	}
	for i, node := range c.Nodes {
		if err := c.introduce(i, node); err != nil {
			c.Stop()
			return nil, fmt.Errorf("make a Cluster: %w", err)
		}
	}
	for _, node := range c.Nodes {
		err := node.waitFor(func() error {
			info, err := ask(node.Addr, "CLUSTER", "INFO")
			if err == nil && (!strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(n))) {
				err = fmt.Errorf("the nodes do not agree yet: %s", info)
			}
			return err
		})
		if err != nil {
			c.Stop()
			return nil, err
		}
	}
	return c, nil
}

func (c *Cluster) add(dir string, args []string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	bus, err := FreePort() // by default 10,000 above the other, which may be past the last port there is
	if err != nil {
		return err
	}
	node, err := NewRedis(dir, append([]string{
		"--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus), "--cluster-node-timeout", "2000",
	}, args...)...)
	if err != nil {
		return err
	}
	c.Nodes = append(c.Nodes, node)
	return nil
}

// introduce gives the i-th node its share of the slots, and to know the first.
func (c *Cluster) introduce(i int, node *Redis) error {
	share := []any{"CLUSTER", "ADDSLOTS"}
	for slot := i * slots / len(c.Nodes); slot < (i+1)*slots/len(c.Nodes); slot++ {
		share = append(share, slot)
	}
	if _, err := ask(node.Addr, share...); err != nil {
		return err
	}
	if _, err := ask(node.Addr, "CLUSTER", "SET-CONFIG-EPOCH", i+1); err != nil || i == 0 {
		return err
	}
	host, port, err := net.SplitHostPort(c.Nodes[0].Addr)
	if err != nil {
		return err
	}
	args := c.Nodes[0].args
	_, err = ask(node.Addr, "CLUSTER", "MEET", host, port, args[3]) // its bus
	return err
}

// StartCluster starts a Cluster of n nodes for a test.
func StartCluster(tb testing.TB, n int, args ...string) *Cluster {
	tb.Helper()
	c, err := NewCluster(shortDir(tb), n, args...)
	if err != nil {
		skipOrFail(tb, err)
	}
	tb.Cleanup(c.Stop)
	return c
}
