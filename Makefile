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
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: build
build: ## build the programs into bin/
	@$(BUILD) -o bin/ ./cmd/...

.PHONY: need
need:
	@internal/testserver/install.sh mariadb redis compiler

.PHONY: test
test: need ## install what is missing, then run every test with the race detector
	@$(GO) vet ./...
	@$(GO) test -race -timeout 20m ./...

.PHONY: demo
demo: ## the main job on a private MariaDB and a stand-in platform; ONCE=1 ends by itself
	@internal/testserver/install.sh mariadb
	@$(BUILD) -o bin/ ./cmd/...
	@bin/demo $(if $(ONCE),-once)

.PHONY: lint
lint: ## golangci-lint, at the version pinned in tools/go.mod
	@$(GO) tool -modfile=tools/go.mod golangci-lint run ./...

.PHONY: fmt
fmt: ## gofumpt and goimports
	@$(GO) tool -modfile=tools/go.mod golangci-lint fmt ./...

.PHONY: golden
golden: ## write the golden files anew; read the difference before you commit it
	@UPDATE_GOLDEN=1 $(GO) test ./internal/config ./mapper ./internal/app

.PHONY: ci
ci: test ## what .ci/run runs
