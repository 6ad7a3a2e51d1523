# `make serve` shows the site, `make test` passes every test; each does all the set-up it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
# Another build of PyTorch, for example:
#   make test TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cu130"
TORCH ?= torch==2.13.0
VENV ?= .venv
PORT ?= 8000
HOST ?= 127.0.0.1
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HF_HUB_OFFLINE := 1

.PHONY: help setup serve build check test pages bake evaluate constraints clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  PYTHON=python3.12       another Python       (now $(PYTHON))'
	@echo '  TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"'
	@echo '                          another PyTorch build (now $(TORCH))'
	@echo '  PORT=8000 HOST=0.0.0.0  where make serve listens'
	@echo '  ARGS="-k hooks -x"      what make test passes on to pytest'
