# Roadstead. `make` alone explains what there is.
SHELL := /bin/sh
ARCH := $(shell uname -m | sed -e s/x86_64/x64/ -e s/aarch64/arm64/)
NODE := node_modules/node-linux-$(ARCH)/bin/node
DATA ?= /var/lib/roadstead
PORT ?= 6443
# Which tests: make test FILES='src/store/**/*.test.ts'
FILES ?=

.DEFAULT_GOAL := help
.PHONY: help up down build dist check test test-hosts bench images generate format clean

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: DATA=$(DATA) (state, logs, kubeconfig)  PORT=$(PORT)  PURGE=1 (down: leave nothing behind)"

up: build ## Start a cluster on this machine and show that it works
	@bin/roadstead up --data-dir "$(DATA)" --port "$(PORT)"

down: ## Stop it; PURGE=1 also removes containers, network and state
	@if [ -f dist/roadstead.mjs ]; then bin/roadstead down --data-dir "$(DATA)" $(if $(PURGE),--purge); \
	else echo "Nothing was built here, so nothing runs from here"; fi

build: dist/roadstead.mjs ## Install dependencies and bundle the program into dist/

dist: dist/roadstead-linux-$(ARCH) ## Build the one executable that joining hosts are given

check: node_modules/.installed ## Format, types, lint, import rules, dead code, generated files
	@$(NODE) tools/check.ts

test: build ## Every test: unit, contract, integration, end to end with Docker and kubectl
	@$(NODE) tools/test.ts $(FILES)

test-hosts: build dist ## Several machines on this one: join, pods across hosts, leave
	@$(NODE) tools/test.ts 'test/hosts/**/*.test.ts'

bench: build ## Measure the API server and pod start, beside docker run
	@$(NODE) test/bench/run.ts

images: build ## Build the pause and base images from this host
	@bin/roadstead images --data-dir "$(DATA)"

generate: node_modules/.installed ## Write the generated files anew
	@$(NODE) tools/generate-api.ts

format: node_modules/.installed ## Format and fix what can be fixed
	@node_modules/.bin/biome check --write

clean: ## Remove what was built here
	rm -rf dist node_modules

node_modules/.installed: package.json package-lock.json
	@tools/ensure-libraries.sh
	@echo "Installing npm dependencies"
	@npm install --no-save --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

dist/roadstead.mjs: node_modules/.installed $(shell find src -name '*.ts' -o -name '*.json') tools/build.ts
	@$(NODE) tools/build.ts

dist/roadstead-linux-$(ARCH): dist/roadstead.mjs tools/build-executable.ts
	@$(NODE) tools/build-executable.ts
