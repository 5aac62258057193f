# Everything installs itself: each target needs Python 3.13, Node 20 or newer, npm, a C++17 compiler and make, and
# nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

UV_VERSION := 0.13.8
UV := .tools/bin/uv
VENV_PYTHON := .venv/bin/python
EMULATOR_PYTHON := .venv-emulator/bin/python
CDK := node_modules/.bin/cdk
LOCAL := $(VENV_PYTHON) -m local_cloud

# One stamp for each thing that is installed; newer inputs make it again.
TOOLS_DONE := .tools/.installed
VENV_DONE := .venv/.installed
EMULATOR_DONE := .venv-emulator/.installed
NODE_DONE := node_modules/.installed
BOTS_DONE := .venv-bots/.installed
AUDIT_DONE := .venv-audit/.installed
CORE_DONE := .venv/.matching_core
WEB_INSTALLED := web/node_modules/.installed
WEB_DONE := web/dist/.built
LIGHTHOUSE := web/tests/lighthouse
LIGHTHOUSE_DONE := $(LIGHTHOUSE)/node_modules/.installed
INSTALLED := $(VENV_DONE) $(EMULATOR_DONE) $(NODE_DONE) $(CORE_DONE) $(WEB_DONE)

CORE := fargate_engine/core
CMAKE_CORE := .venv/bin/cmake -S $(CORE) -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/.venv/bin/ninja
SANITIZED := -DBOOK_SANITIZE=ON -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS=-O1
CORE_SOURCES := $(shell find $(CORE)/include $(CORE)/src $(CORE)/CMakeLists.txt $(CORE)/pyproject.toml -type f)
# Tried before it is used: what the build tools say of a missing compiler fills a screen.
FIND_COMPILER := export CXX=$${CXX:-$$(command -v c++ || command -v g++ || command -v clang++ || true)}; \
  [ -n "$$CXX" ] && echo 'int main() {}' | $$CXX -std=c++17 -include memory -x c++ -fsyntax-only - 2>/dev/null \
  || { echo "A C++17 compiler is missing: install g++ or clang++, or set CXX" >&2; exit 1; }

# No browser is downloaded.
FIND_CHROMIUM := export CHROMIUM=$${CHROMIUM:-$$(command -v chromium || command -v chromium-browser \
  || command -v google-chrome || echo "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")}; \
  [ -x "$$CHROMIUM" ] || { echo "Chromium is missing: apt-get install chromium, or CHROMIUM=<path of Chrome>" >&2; exit 1; }

# The tests, too: a fixture that a change breaks is told of here, not by the first long run.
TYPED := layers/breakwater events fargate_engine functions local_cloud infra_cdk supply_chain tests

.PHONY: help up down clean status grants demo exchange core test test-units test-web test-core test-e2e test-long test-browser test-bots screenshots web-figures fuzz check openapi events limit-types bench synth deploy rewrap telegram-webhook lock audit sbom database-authorities deploy-edge deploy-web

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(INSTALLED) ## start everything; DETACH=1 returns when all is ready
	@$(LOCAL) up $(if $(DETACH),--detach)

down: $(VENV_DONE) ## stop what `make up` started; its data stays
	@$(LOCAL) down

clean: $(VENV_DONE) ## stop it and forget its data
	@$(LOCAL) clean

status: $(VENV_DONE) ## what runs, and where
	@$(LOCAL) status

grants: $(VENV_DONE) ## what the roles of the running platform may do and have not done, and what was refused
	@$(VENV_PYTHON) -m local_cloud.iam

demo: $(INSTALLED) ## the tour, against the platform that `make up` started
	@$(VENV_PYTHON) -m breakwater.client.demo

exchange: $(INSTALLED) ## a simulated exchange on 127.0.0.1:4510, with switches for faults: docs/venues.md
	@$(VENV_PYTHON) -m fargate_engine.simulated_exchange

core: $(CORE_DONE) ## build the matching core and install it

test: test-core test-web test-units test-e2e ## every test but those of a browser and the long runs (test-long); the last ones on a platform of their own

test-units: $(INSTALLED) $(AUDIT_DONE)
	@$(VENV_PYTHON) -m pytest tests --ignore tests/e2e --ignore tests/benchmarks

# Of the same seeds `make test` takes a few: here are fifty times as many commands, and a thousand runs of each exchange.
test-long: $(INSTALLED) ## the long runs: the core against its oracle, and exchanges with faults; hours
	@BREAKWATER_CORE_SEEDS=20 $(VENV_PYTHON) -m pytest tests/simulation/test_core_against_oracle.py
	@VENUE_FAULT_SEEDS=1000 $(VENV_PYTHON) -m pytest tests/simulation/test_venue_faults.py

test-web: $(WEB_INSTALLED)
	@npm run --silent --prefix web api >/dev/null
	@npm test --silent --prefix web

# The core's own tests and a few seconds of fuzzing, under the address and undefined-behaviour sanitizers.
test-core: $(VENV_DONE)
	@$(FIND_COMPILER); \
	$(CMAKE_CORE) -B .build/core-asan -DBOOK_TESTS=ON $(SANITIZED) >/dev/null; \
	.venv/bin/cmake --build .build/core-asan -- --quiet; \
	.venv/bin/ctest --test-dir .build/core-asan --output-on-failure --timeout 120 --progress

# Clang's libFuzzer keeps what it found in .build/fuzz-corpus; without clang seeded random bytes must do.
FUZZ_S ?= 600
fuzz: $(VENV_DONE) ## fuzz the core for ten minutes, or FUZZ_S seconds
	@if command -v clang++ >/dev/null; then \
	  export CXX=clang++; mkdir -p .build/fuzz-corpus; \
	  $(CMAKE_CORE) -B .build/core-fuzz -DBOOK_TESTS=ON -DBOOK_LIBFUZZER=ON $(SANITIZED) >/dev/null; \
	  .venv/bin/cmake --build .build/core-fuzz -- --quiet; \
	  .build/core-fuzz/book_fuzz -max_total_time=$(FUZZ_S) .build/fuzz-corpus; \
	else \
	  $(MAKE) --no-print-directory test-core; \
	  SECONDS=0; while [ $$SECONDS -lt $(FUZZ_S) ]; do \
	    seed=$$RANDOM$$RANDOM; echo "seed $$seed"; .build/core-asan/book_fuzz --random $$seed 10000; \
	  done; \
	fi

test-e2e: $(INSTALLED)
	@$(VENV_PYTHON) -m pytest tests/e2e

# In the Chromium of this machine, and one file after the other: all share a platform.
test-browser: $(INSTALLED) ## the web app in Chromium, on a platform of its own
	@$(FIND_CHROMIUM); npm run --silent --prefix web test-browser

screenshots: $(WEB_INSTALLED) ## pictures of every page of the platform that `make up` started, into docs/screens
	@$(FIND_CHROMIUM); export BREAKWATER_ENDPOINTS=$${BREAKWATER_LOCAL_DIR:-$(CURDIR)/.local}/endpoints.json; \
	npm run --silent --prefix web screenshots

web-figures: $(WEB_INSTALLED) $(LIGHTHOUSE_DONE) ## first load, scripting, heap, axe and Lighthouse, against the platform that `make up` started
	@$(FIND_CHROMIUM); export BREAKWATER_ENDPOINTS=$${BREAKWATER_LOCAL_DIR:-$(CURDIR)/.local}/endpoints.json; \
	npm run --silent --prefix web figures

test-bots: $(INSTALLED) $(BOTS_DONE) ## freqtrade and python-binance, live, on a platform of their own
	@$(VENV_PYTHON) -m pytest tests/e2e/test_bots_of_others.py

check: $(VENV_DONE) $(CORE_DONE) $(WEB_INSTALLED) ## lint, format, types, import rules
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy --strict $(TYPED)
	@.venv/bin/lint-imports
	@npm run --silent --prefix web check >/dev/null

openapi: $(VENV_DONE) ## write docs/openapi.json from the code
	@$(VENV_PYTHON) -m functions.openapi

# Who is told of an event stands in the template.
events: synth ## publish new contracts, and write docs/events.md from the code
	@$(VENV_PYTHON) -m events.catalogue
	@$(VENV_PYTHON) -m functions.events_page cdk.out/BreakwaterControl.template.json

limit-types: $(VENV_DONE) ## write the tables of docs/limits.md from the code
	@$(VENV_PYTHON) -m functions.limit_types_page

bench: $(INSTALLED) ## the figures, against the platform that `make up` started; those of the core come first
	@$(VENV_PYTHON) -m tests.benchmarks

synth: $(INSTALLED) ## the CloudFormation templates for AWS, in cdk.out
	@$(CDK) synth --quiet

# The engine comes last: it reads tables that the migrations make.
deploy: $(INSTALLED) ## to the AWS account of your environment, and migrate its database
	@mkdir -p .build
	@$(CDK) deploy BreakwaterControl --outputs-file .build/outputs.json
	@$(VENV_PYTHON) -m local_cloud.provisioning .build/outputs.json
	@$(CDK) deploy BreakwaterEngine --exclusively

rewrap: $(INSTALLED) ## put keys at exchanges under the master key of now; error 1: not all of them are
	@$(VENV_PYTHON) -m local_cloud.provisioning .build/outputs.json rewrap

telegram-webhook: $(VENV_DONE) ## tell Telegram where the bot is, after `make deploy`; URL=https://… of the front door, if any
	@$(VENV_PYTHON) -m local_cloud.telegram_webhook .build/outputs.json $(URL)

# In us-east-1, whence CloudFront takes its firewall: it is told where the API is, and what it shows to the functions.
deploy-edge: $(INSTALLED) ## CloudFront and AWS WAF before the API, where cdk.json names them under `edge`
	@$(CDK) deploy BreakwaterEdge --exclusively $$($(VENV_PYTHON) -m local_cloud.edge_parameters .build/outputs.json)

# The files after their bucket, and after the addresses that they are told.
deploy-web: $(INSTALLED) ## the web app into its bucket behind CloudFront, where cdk.json has `web`
	@$(CDK) deploy BreakwaterWeb --exclusively --outputs-file .build/web-outputs.json
	@$(VENV_PYTHON) -m local_cloud.web_upload .build/outputs.json .build/web-outputs.json

# 1: something is known against a package; 3: the advisory services did not answer, as behind a mirror.
audit: $(VENV_DONE) $(AUDIT_DONE) ## ask pip-audit and npm what is known against the locked packages
	@$(VENV_PYTHON) -m supply_chain.audit

database-authorities: $(VENV_DONE) $(NODE_DONE)
	@$(VENV_PYTHON) -m supply_chain.database_authorities

sbom: $(VENV_DONE) $(AUDIT_DONE) ## what everything is made of, in CycloneDX, in .build/sbom
	@$(VENV_PYTHON) -m supply_chain.sbom

lock: $(TOOLS_DONE) ## compile requirements/*.txt from pyproject.toml again
	@compile="$(UV) pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-annotate --no-header"; \
	$$compile pyproject.toml --all-extras -o requirements/all.txt; \
	for extra in layer engine core; do \
	  $$compile pyproject.toml --extra $$extra -c requirements/all.txt -o requirements/$$extra.txt; \
	done; \
	for other in emulator bots audit; do $$compile requirements/$$other.in -o requirements/$$other.txt; done

# What is needed, installed ---------------------------------------------------------------------------------------

$(TOOLS_DONE):
	@python=$$(command -v python3.13 || command -v python3 || true); \
	[ -n "$$python" ] && "$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null \
	  || { echo "Python 3.13 is missing: install it, or put python3.13 on PATH" >&2; exit 1; }; \
	echo "installing uv $(UV_VERSION)"; \
	"$$python" -m venv .tools; \
	.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(VENV_DONE): pyproject.toml requirements/all.txt | $(TOOLS_DONE)
	@echo "installing Python packages"
	@[ -x $(VENV_PYTHON) ] || $(UV) venv --quiet --python .tools/bin/python .venv
	@VIRTUAL_ENV=.venv $(UV) pip sync --quiet --require-hashes requirements/all.txt
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Its build folder stays, so that a change takes seconds.
$(CORE_DONE): $(VENV_DONE) $(CORE_SOURCES)
	@$(FIND_COMPILER); \
	echo "building the matching core"; \
	rm -rf .build/core-wheel; mkdir -p .build; \
	$(UV) build --wheel --no-build-isolation --python $(VENV_PYTHON) --out-dir .build/core-wheel \
	  -C build-dir=$(CURDIR)/.build/core $(CORE) >.build/core.log 2>&1 || { cat .build/core.log >&2; exit 1; }; \
	VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --reinstall .build/core-wheel/*.whl
	@touch $@

$(EMULATOR_DONE): requirements/emulator.txt | $(TOOLS_DONE)
	@echo "installing the AWS emulator"
	@[ -x $(EMULATOR_PYTHON) ] || $(UV) venv --quiet --python .tools/bin/python .venv-emulator
	@VIRTUAL_ENV=.venv-emulator $(UV) pip sync --quiet --require-hashes requirements/emulator.txt
	@touch $@

$(BOTS_DONE): requirements/bots.txt | $(TOOLS_DONE)
	@echo "installing freqtrade and python-binance"
	@[ -x .venv-bots/bin/python ] || $(UV) venv --quiet --python .tools/bin/python .venv-bots
	@VIRTUAL_ENV=.venv-bots $(UV) pip sync --quiet --require-hashes requirements/bots.txt
	@touch $@

$(AUDIT_DONE): requirements/audit.txt | $(TOOLS_DONE)
	@echo "installing pip-audit and cyclonedx-bom"
	@[ -x .venv-audit/bin/python ] || $(UV) venv --quiet --python .tools/bin/python .venv-audit
	@VIRTUAL_ENV=.venv-audit $(UV) pip sync --quiet --require-hashes requirements/audit.txt
	@touch $@

WEB_SOURCES := $(shell find web -name node_modules -prune -o -name dist -prune -o -path web/tests -prune -o -type f -print) docs/openapi.json

$(WEB_INSTALLED): web/package.json web/package-lock.json | $(NODE_DONE)
	@echo "installing the web app's packages"
	@npm ci --silent --prefix web
	@touch $@

$(LIGHTHOUSE_DONE): $(LIGHTHOUSE)/package.json $(LIGHTHOUSE)/package-lock.json | $(NODE_DONE)
	@echo "installing Lighthouse"
	@npm ci --silent --ignore-scripts --prefix $(LIGHTHOUSE)
	@touch $@

# Without the types that it generates, which are younger than what it is built of.
$(WEB_DONE): $(WEB_INSTALLED) $(filter-out %/schema.d.ts,$(WEB_SOURCES))
	@echo "building the web app"
	@mkdir -p .build; npm run --silent --prefix web build >.build/web.log 2>&1 || { cat .build/web.log >&2; exit 1; }
	@touch $@

$(NODE_DONE): package.json package-lock.json
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null \
	  || { echo "Node 20 or newer is missing: install it, or put node on PATH" >&2; exit 1; }
	@command -v npm >/dev/null || { echo "npm is missing: it comes with Node" >&2; exit 1; }
	@echo "installing the CDK command line"
	@npm ci --silent
	@touch $@
