# talkbridge. `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
BUILD   := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)'

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: build
build: ## build the programs into bin/
	@$(BUILD) -o bin/ ./cmd/...

.PHONY: need
need:
	@internal/testserver/install.sh mariadb redis compiler chromium promtool ed25519

.PHONY: test
test: need ## install what is missing, then run every test with the race detector
	@$(GO) vet ./...
	@$(GO) test -race -timeout 20m ./...

.PHONY: demo
demo: ## the main job on a private MariaDB and a stand-in platform; ONCE=1 ends by itself
	@internal/testserver/install.sh mariadb
	@$(BUILD) -o bin/ ./cmd/...
	@bin/demo $(if $(ONCE),-once)

.PHONY: accept
accept: ## the acceptance plan on a private MariaDB and a stand-in platform; writes OUT (acceptance.html) and the same as JSON
	@internal/testserver/install.sh mariadb
	@$(BUILD) -o bin/ ./cmd/talkbridge
	@bin/talkbridge accept --demo --out $(or $(OUT),acceptance.html)

.PHONY: e2e
e2e: ## two bridges, Redis under Sentinel, MariaDB and the platform survive the death of each in turn; prints the counts
	@internal/testserver/install.sh mariadb redis
	@$(BUILD) -o bin/ ./cmd/...
	@bin/e2e

.PHONY: chaos
chaos: need ## all kinds of faults, alone and at once, judged by journals: DURATION=10m SEED=… SOURCE=mariadb|mysql STORE=redis|embedded
	@$(BUILD) -o bin/ ./cmd/...
	@if [ "$(or $(SOURCE),mariadb)" != mariadb ]; then export TALKBRIDGE_TEST_ROOTS=$$(internal/testserver/roots.sh "$(ROOTS)" $(if $(filter mysql,$(SOURCE)),mysql,mariadb mysql)); fi; \
	bin/chaos -duration $(or $(DURATION),10m) -source $(or $(SOURCE),mariadb) -store $(or $(STORE),redis) $(if $(SEED),-seed $(SEED)) $(CHAOSFLAGS)

.PHONY: faults
faults: need ## the end-to-end tests with the faults that take long
	@TALKBRIDGE_LONG=1 $(GO) test -count 1 -timeout 15m -v -run 'TwoBridges|TestRedis|TestAFullRedis|ThePlatform|Backlog|SIGTERM' ./internal/app

.PHONY: load
load: ## N submissions (1000000) through one bridge: rates, lag, memory, size of the store per record; STORE=redis|embedded RATE=0
	@internal/testserver/install.sh mariadb redis
	@$(BUILD) -o bin/ ./cmd/...
	@bin/load -n $(or $(N),1000000) -store $(or $(STORE),redis) -rate $(or $(RATE),0)

.PHONY: screenshots
screenshots: need ## a picture of every page of the console into OUT (screenshots): both languages and themes, 1440 and 390 pixels, 0, 1 and 100,000 records
	@mkdir -p $(or $(OUT),screenshots)
	@TALKBRIDGE_SCREENSHOTS=$(abspath $(or $(OUT),screenshots)) $(GO) test -count=1 -timeout 30m -run TestPagesOfEverySize ./internal/app

.PHONY: memory
memory: need ## a million records wait in Redis: what the bridge holds resident, idle and draining
	@TALKBRIDGE_MEMORY=1 $(GO) test -count 1 -timeout 15m -v -run TestAMillionRecordsWait ./internal/app

.PHONY: drill
drill: need ## the drill of an emergency: backup, destroy, restore on the other back end, compare (make test runs it too)
	@$(GO) test -count=1 -timeout 10m -run TestDrill -v ./internal/app | grep -E '^ *(---|===|drill_test|ok|FAIL|panic)|drill_test.go'

ROOTS ?= $(HOME)/.cache/talkbridge/roots

.PHONY: test-matrix
test-matrix: need ## canal and the end-to-end tests on MariaDB 10.11 and 11.8 and MySQL 9.7, the store on Valkey and Redis 8; fetches what is missing into ROOTS (as root)
	@export TALKBRIDGE_TEST_ROOTS=$$(internal/testserver/roots.sh "$(ROOTS)" mariadb mysql redis valkey); \
	$(GO) test -count=1 -race -timeout 40m ./internal/testserver ./canal; \
	for store in Valkey Redis-8; do \
		echo "the store, and bridges whose store it is, on $$store"; \
		TALKBRIDGE_TEST_STORE=$$store $(GO) test -count=1 -race -timeout 20m ./state; \
		TALKBRIDGE_TEST_STORE=$$store $(GO) test -count=1 -race -timeout 20m -run 'TwoBridges|TestRedis' ./internal/app; \
	done; \
	for source in $$($(GO) run ./internal/testserver/list); do \
		echo "end to end on $$source"; \
		TALKBRIDGE_TEST_SOURCE=$$source $(GO) test -count=1 -race -timeout 20m ./internal/app; \
	done

.PHONY: soak
soak: need ## a minute of random rows and DDL on each server of the matrix; every delivered value against the server's answer
	@export TALKBRIDGE_TEST_ROOTS=$$(internal/testserver/roots.sh "$(ROOTS)" mariadb mysql); \
	TALKBRIDGE_TEST_SOAK=$${SOAK:-60s} $(GO) test -count=1 -timeout 30m -v -run 'TestSoak$$' ./canal | grep -E 'differences|soak_test|^(---|ok|FAIL|panic)'

.PHONY: bench
bench: ## every promised figure beside its floor: a table, and bench.json; CHECK=1 fails on a missed target; ONLY=latency,drain,… ROUNDS=5
	@internal/testserver/install.sh mariadb redis
	@$(BUILD) -o bin/ ./cmd/bench ./cmd/talkbridge
	@bin/bench $(if $(ONLY),-only $(ONLY)) $(if $(ROUNDS),-rounds $(ROUNDS)) $(if $(CHECK),-check)

.PHONY: benchstat
benchstat: ## go benchmarks of the hot functions, beside those of the commit BASE (HEAD), in turn; COUNT=6
	@internal/testserver/install.sh redis
	@cmd/bench/benchstat.sh $(or $(BASE),HEAD) $(or $(COUNT),6)

FUZZTIME ?= 1m

.PHONY: release
release: ## offline bundles for linux amd64, arm64 and loong64, with SHA-256 and SM3 sums, into dist/
	@rm -rf dist
	@$(GO) run ./cmd/release -version $(VERSION) -out dist $(if $(SBOM),-sbom $(SBOM))

# Each with what it holds its package to in its own comment. Without -fuzz, go test runs the seeds and the findings that are committed.
FUZZ := canal/FuzzEvents canal/FuzzValue canal/FuzzDDL canal/FuzzGTIDs mapper/FuzzMap mapper/FuzzQuick mapper/FuzzHTMLToText pusher/FuzzAnswer pusher/FuzzToken \
	pusher/FuzzJSONPath pusher/FuzzKey pusher/FuzzUnseal pusher/FuzzRedact state/FuzzSealed state/FuzzBackup internal/admin/FuzzHTTP \
	internal/audit/FuzzTrail internal/audit/FuzzEvent internal/config/FuzzParse internal/contract/FuzzImport

.PHONY: fuzz
fuzz: ## every fuzz target, FUZZTIME (1m) each, or those that FUZZ names: canal/FuzzEvents …; what is found stays in testdata/fuzz
	@failed=0; for target in $(FUZZ); do \
		echo "$$target"; \
		$(GO) test ./$${target%/*} -run '^$$' -fuzz "^$${target##*/}\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x -parallel 1 || failed=1; \
	done; exit $$failed

.PHONY: lint
lint: ## golangci-lint, at the version pinned in tools/go.mod
	@$(GO) tool -modfile=tools/go.mod golangci-lint run ./...

.PHONY: vuln
vuln: ## known vulnerabilities that our code reaches, by govulncheck; VULNDB=https://… or file:///… for a copy of the database
	@$(GO) tool -modfile=tools/go.mod govulncheck $(if $(VULNDB),-db $(VULNDB)) ./... || { code=$$?; \
	[ $$code = 3 ] || echo 'NOT CHECKED: see the line above. Where vuln.go.dev cannot be reached, VULNDB names a copy of the database' >&2; exit $$code; }

.PHONY: sbom
sbom: ## the bill of materials of the programs (CycloneDX 1.5), as the bundles hold it, into OUT (sbom.cdx.json)
	@$(GO) run ./cmd/release -version $(VERSION) -bill $(or $(OUT),sbom.cdx.json)

.PHONY: fmt
fmt: ## gofumpt and goimports
	@$(GO) tool -modfile=tools/go.mod golangci-lint fmt ./...

.PHONY: golden
golden: ## write the golden files anew; read the difference before you commit it
	@UPDATE_GOLDEN=1 $(GO) test ./internal/config ./mapper ./internal/app

.PHONY: ci
ci: ## what CI runs: test, demo and lint
	@.ci/run
