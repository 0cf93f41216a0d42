package check

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"talkbridge/state"
)

// Store judges what state.Inspect found.
func Store(found state.Inspection, err error) []Item {
	switch {
	case errors.Is(err, state.ErrWrongKey):
		wrong, fix := split(err.Error())
		return []Item{pass("store.reach", storeWhere(found)), {"store.key", Fail, "state.key is not the one that this store was written with", wrong, fix}}
	case err != nil:
		wrong, fix := split(err.Error())
		return []Item{{"store.reach", Fail, "the store cannot be used", wrong, fix}}
	}
	items := []Item{pass("store.reach", storeWhere(found))}
	switch {
	case found.Locked:
		return append(items, pass("store.key", "not tried: the file is held by a bridge that runs, and that bridge has opened it"))
	case found.New:
		items = append(items, pass("store.key", "the store is empty; the first start binds it to state.key"))
	case found.HasCheckpoint:
		items = append(items, pass("store.key", "state.key opens the store; its position was saved "+found.Checkpoint.SavedAt.Local().Format(time.DateTime)))
	default:
		items = append(items, pass("store.key", "state.key opens the store; no position is saved yet"))
	}
	return append(items, durability(found)...)
}

func storeWhere(found state.Inspection) string {
	switch {
	case found.Embedded && found.New:
		return "file " + found.Where + " will be made at the first start"
	case found.Embedded:
		return "file " + found.Where
	default:
		return "Redis at " + found.Where + " answers"
	}
}

// durability sorts the store's warnings by what they are about.
func durability(found state.Inspection) []Item {
	if found.Embedded {
		return []Item{pass("store.persistence", "every write is on the disk before it counts")}
	}
	subjects := []struct{ id, part, bad, good string }{
		{"store.persistence", "append-only", "Redis may lose what it has taken", "Redis keeps an append-only file"},
		{"store.eviction", "maxmemory", "Redis may throw records away", "Redis throws nothing away (maxmemory-policy noeviction)"},
	}
	var items []Item
	for _, s := range subjects {
		item := pass(s.id, s.good)
		for _, w := range found.Warnings {
			if strings.Contains(w, s.part) {
				wrong, fix := split(w)
				item = Item{s.id, Warn, s.bad, wrong, fix}
			}
		}
		items = append(items, item)
	}
	for i, w := range found.Warnings {
		if !strings.Contains(w, "append-only") && !strings.Contains(w, "maxmemory") {
			wrong, fix := split(w)
			items = append(items, Item{fmt.Sprintf("store.warning%d", i+1), Warn, "the store warns", wrong, fix})
		}
	}
	return items
}
