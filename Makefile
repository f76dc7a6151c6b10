# Everything that a contributor types. `make help` lists it.

SHELL     := bash
GO        ?= go
FUZZTIME  ?= 20s
COUNT     ?= 6
BENCH     ?= .
BENCHPKGS ?= ./actors/... ./gateway/... ./backendapi/...
BENCHTIME ?= 200ms
# Those that take long, or want to run for longer than the others.
BENCHSKIP ?= ^Benchmark(QuietBesideBusy|Scale)

# Tools are built into a folder that git ignores, and stay out of go.mod.
# A stamp carries the versions of the tool and of Go: a linter that was built
# with an older Go refuses newer sources.
TOOLS     := $(CURDIR)/.tools
GOVERSION := $(shell $(GO) env GOVERSION)

GOLANGCI  := $(TOOLS)/golangci-lint
DEADCODE  := $(TOOLS)/deadcode
BENCHSTAT := $(TOOLS)/benchstat

GOLANGCI_STAMP  := $(TOOLS)/stamps/golangci-lint@v2.15.0-$(GOVERSION)
DEADCODE_STAMP  := $(TOOLS)/stamps/deadcode@v0.52.0-$(GOVERSION)
BENCHSTAT_STAMP := $(TOOLS)/stamps/benchstat@v0.0.0-20260908200009-22c9c6c9d4da-$(GOVERSION)

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## the demo page; its address is shown (needs only Go)
	$(GO) run ./examples/demo

.PHONY: build
build: ## bin/snorkyd and bin/snorky
	$(GO) build -trimpath -o bin/ ./cmd/snorkyd ./cmd/snorky

# Testing ---------------------------------------------------------------------

.PHONY: test
test: ## all checks and tests, as CI runs them; installs what it needs
	@MAKE="$(MAKE)" .ci/steps needs tools lint vet race cover-check portable js python

# The modules beside the main one bring much along (databases, other servers,
# Prometheus, a packager), and few changes touch them, so they are not among
# what everybody runs.
.PHONY: test-modules
test-modules: ## the modules of their own: to-do list, other servers, alert rules, packages; CI runs it after make test
	@MAKE="$(MAKE)" .ci/steps tools todo peers-test alerts-test package-test

.PHONY: needs
needs:
	@.ci/need cc curl node npm python3 chromium
	@.ci/need nginx nginx-stream haproxy caddy || echo "needs: the tests with what is MISSING above are SKIPPED" >&2

.PHONY: lint
lint: tools ## golangci-lint, unreachable code, and whether the linter's own rules bite
	$(GOLANGCI) run ./...
	@dead="$$($(DEADCODE) -test ./...)" || exit 1; \
	if [ -n "$$dead" ]; then echo "unreachable:"; echo "$$dead"; exit 1; fi
	GOLANGCI_LINT=$(GOLANGCI) $(GO) test -count=1 -tags lint -run '^TestLinter' ./cmd/internal/repocheck/

.PHONY: fmt
fmt: tools ## gofumpt and the order of imports, written to the files
	$(GOLANGCI) fmt ./...

.PHONY: vet
vet:
	$(GO) vet -tags lint ./...

.PHONY: race
race: ## all Go tests with the race detector, the browser test among them
	@mkdir -p .cover
	CHROMIUM="$$(.ci/browser)" $(GO) test -race -shuffle=on -timeout 9m \
		-covermode=atomic -coverprofile=.cover/profile ./...

.PHONY: cover
cover: race cover-check ## race, then the coverage of each package, and a page to read
	$(GO) tool cover -html=.cover/profile -o .cover/index.html
	@echo "see .cover/index.html"

.PHONY: cover-check
cover-check:
	@$(GO) run ./cmd/internal/repocheck/covercheck -min 85 .cover/profile actors gateway backendapi

# Users run snorky on Macs; nobody should have to find out there that it does
# not compile. Deadcode checks the types of everything from its sources, which
# takes an eighth of a build for another system; its findings are for lint.
.PHONY: portable
portable: tools
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(DEADCODE) -test -filter '^$$' ./...

.PHONY: js
js: gateway/js/node_modules/.package-lock.json gateway/js/react/node_modules/.package-lock.json ## the JavaScript client and its React hooks: types, bundle, tests
	cd gateway/js && npm test
	cd gateway/js/react && npm test

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --no-update-notifier
	@touch $@

.PHONY: python
python: ## the Python client
	@.ci/python backendapi/python

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (20s) each
	@GO="$(GO)" .ci/fuzz $(FUZZTIME)

.PHONY: bench
bench: $(BENCHSTAT_STAMP) ## the hot paths COUNT (6) times; BASE=file compares with an earlier run
	@mkdir -p .bench
	set -o pipefail; $(GO) test -run '^$$' -bench '$(BENCH)' -skip '$(BENCHSKIP)' \
		-benchmem -benchtime $(BENCHTIME) -count $(COUNT) $(BENCHPKGS) | tee .bench/new.txt
	@echo; $(BENCHSTAT) $(BASE) .bench/new.txt
	@echo "kept in .bench/new.txt; copy it away to compare a later run with BASE=copy"

# Other servers are a module of their own, so that what they are built from stays
# out of ours.
PEERS := cmd/snorky/internal/bench/peers

.PHONY: bench-peers
bench-peers: ## Snorky beside other servers, into BENCHMARKS.md; SCENARIOS=fanout,churn, ARGS=-list
	@.ci/nchan || true
	cd $(PEERS) && $(GO) run . $(if $(SCENARIOS),-scenarios '$(SCENARIOS)') $(ARGS)

.PHONY: bench-restart
bench-restart: ## a restart with 5,000 connected clients, and storms of 18,000; two minutes, writes results/restart.svg
	cd $(PEERS) && $(GO) run ./restart $(ARGS)

.PHONY: peers-test
peers-test: $(GOLANGCI_STAMP) ## the module of those servers: vet, lint, and each of them once
	@.ci/nchan || true
	cd $(PEERS) && $(GO) vet ./... && $(GOLANGCI) run --allow-parallel-runners ./... && $(GO) test -race -shuffle=on ./...

# Without KEEP=1 a run leaves the samples and the graph that are committed alone.
MINUTES ?= 60
CLIENTS ?= 5000
RATE    ?= 500

.PHONY: soak
soak: ## a server under CLIENTS (5000) that come and go, for MINUTES (60), RATE (500) messages/s; KEEP=1 commits the graph
	cd $(PEERS) && $(GO) run ./soak -minutes '$(MINUTES)' -clients '$(CLIENTS)' -rate '$(RATE)' \
		-out '$(if $(KEEP),results,$(CURDIR)/.bench/soak)' $(ARGS)

# So is what tests the alert rules and the dashboard, because of the parser of Prometheus.
ALERTS := cmd/internal/alerts

.PHONY: alerts-test
alerts-test: $(GOLANGCI_STAMP) ## alert rules and dashboard against the metrics of a server that runs
	cd $(ALERTS) && $(GO) vet ./... && $(GOLANGCI) run --allow-parallel-runners ./... && $(GO) test -race -shuffle=on -timeout 10m ./...

# So is the example with a database, because of its drivers.
TODO := examples/todo

.PHONY: todo
todo: $(GOLANGCI_STAMP) ## the to-do list with a database: vet, lint, tests on PostgreSQL and in a browser
	@.ci/need postgres chromium
	cd $(TODO) && $(GO) vet ./... && $(GOLANGCI) run --allow-parallel-runners ./... && \
		CHROMIUM="$$($(CURDIR)/.ci/browser)" $(GO) test -race -shuffle=on -timeout 6m ./...

# Packages --------------------------------------------------------------------

# The packager is a module of its own, too, because of the library that it needs.
PACKAGE := deploy/package

.PHONY: deb rpm
deb: ## a package for Debian, in dist; VERSION=1.2.3 if git should not say it, GOARCH=arm64
	@cd $(PACKAGE) && $(PACKAGER) -formats deb

rpm: ## a package for systems with RPM, likewise
	@cd $(PACKAGE) && $(PACKAGER) -formats rpm

PACKAGER = GOOS= GOARCH= $(GO) run . $(if $(VERSION),-version '$(VERSION)') $(if $(GOARCH),-arch '$(GOARCH)')

.PHONY: package-test
package-test: $(GOLANGCI_STAMP) ## the module that makes packages: vet, lint, and what the packages hold
	@.ci/need rpm mandoc zsh fish shellcheck || echo "what is missing is left out of the tests"
	cd $(PACKAGE) && $(GO) vet -tags systemd ./... && $(GOLANGCI) run --allow-parallel-runners ./... && $(GO) test -shuffle=on ./...

.PHONY: test-systemd
test-systemd: ## the package for Debian on a real systemd, in a container; wants root, and says so where it cannot run
	@GO="$(GO)" .ci/systemd

# Tools -----------------------------------------------------------------------

.PHONY: tools
tools: $(GOLANGCI_STAMP) $(DEADCODE_STAMP) ## the linter and its like, into .tools

$(GOLANGCI_STAMP):
	$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint)

$(DEADCODE_STAMP):
	$(call install,golang.org/x/tools/cmd/deadcode)

$(BENCHSTAT_STAMP):
	$(call install,golang.org/x/perf/cmd/benchstat)

# The version is what lies between the stamp's "@" and "-go1.x".
define install
	@mkdir -p $(TOOLS)/stamps && rm -f $(firstword $(subst @, ,$@))@*
	GOBIN=$(TOOLS) CGO_ENABLED=0 $(GO) install $(1)@$(subst -$(GOVERSION),,$(word 2,$(subst @, ,$(notdir $@))))
	@touch $@
endef

.PHONY: clean
clean: ## removes what make made
	rm -rf bin dist .tools .cover .bench gateway/js/node_modules gateway/js/react/node_modules
