package state

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A test cannot cut the power. It can see that nothing was set that would leave writes in the page cache.
func TestEmbeddedSyncsEachTransaction(t *testing.T) {
	b, err := openEmbedded(filepath.Join(t.TempDir(), "store.db"), "test", 0, time.Now)
	require.NoError(t, err)
	defer func() { require.NoError(t, b.close()) }()
	require.False(t, b.db.NoSync)
	require.False(t, b.db.NoGrowSync)
}
