# The command menu. Needs make, git and any Python from 3.9; everything else is fetched.
.DEFAULT_GOAL := help
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .tools/bin/uv
export RASA_TELEMETRY_ENABLED := false
# Whoever sets it has every process of ours compile all of its modules anew: seconds at each start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run install train test bench lint format web doctor clean

help: ## Show this menu
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: install ## Start the whole helpline on this machine (Ctrl-C stops it)
	@exec .venv/bin/helpline run

install: .venv/.installed bot/.venv/.installed ## Get both environments, as the lock files say

train: install ## Train the dialogue model if its files changed
	@.venv/bin/helpline train

test: lint bot/.venv/.installed-dev ## Run every check and test
	@bot/.venv/bin/python -m pytest -q -c bot/pytest.ini tests/bot
	@.venv/bin/python -m pytest -q

bench: .venv/.installed-dev bot/.venv/.installed train ## Measure speed and memory, write docs/performance.md (about an hour)
	@.venv/bin/helpline bench all

lint: .venv/.installed-dev ## Check style, types and which room imports which
	@.venv/bin/ruff check -q .
	@.venv/bin/ruff format -q --check .
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports --config pyproject.toml >/dev/null || .venv/bin/lint-imports

format: .venv/.installed-dev ## Put the code into the one format
	@.venv/bin/ruff check -q --fix .
	@.venv/bin/ruff format -q .

web: node_modules/.installed ## Build the chat's script from gateway/web (needs Node.js 20 or later)
	@npm run --silent check
	@npm run --silent build

doctor: install ## Say what is wrong with this machine or this checkout
	@.venv/bin/helpline doctor

clean: ## Remove what was made here: environments, model, data
	@rm -rf .tools .venv bot/.venv models var node_modules .rasa .pytest_cache .mypy_cache .ruff_cache .hypothesis

node_modules/.installed: package.json package-lock.json
	@bin/quietly "Getting the tools that build the chat's script" var/log/install-web.log npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

$(UV):
	@$(PYTHON) -m venv .tools || { echo "Python's venv module is missing. Install it (Debian: apt-get install python3-venv) and try again." >&2; rm -rf .tools; exit 1; }
	@bin/quietly "Getting uv" var/log/install-uv.log .tools/bin/pip install --disable-pip-version-check uv==$(UV_VERSION)

.venv/.installed: pyproject.toml uv.lock | $(UV)
	@bin/quietly "Installing the helpline" var/log/install.log $(UV) sync --locked --no-dev --inexact
	@touch $@

.venv/.installed-dev: pyproject.toml uv.lock | $(UV)
	@bin/quietly "Installing the helpline and its test tools" var/log/install.log $(UV) sync --locked
	@touch $@ .venv/.installed

bot/.venv/.installed: bot/pyproject.toml bot/uv.lock | $(UV)
	@bin/quietly "Installing the dialogue engine (the largest part, one to five minutes)" var/log/install-bot.log $(UV) sync --locked --no-dev --inexact --directory bot
	@touch $@

bot/.venv/.installed-dev: bot/pyproject.toml bot/uv.lock | $(UV)
	@bin/quietly "Installing the dialogue engine and its test tools" var/log/install-bot.log $(UV) sync --locked --directory bot
	@touch $@ bot/.venv/.installed
