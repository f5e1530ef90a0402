#!/usr/bin/env bash
# Writes requirements/*.txt anew: every version pinned, every file hashed, no address of any registry.
set -eu
cd "$(dirname "$0")/.."
lock() {
  out=$1
  shift
  .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
    --python-version 3.11 --custom-compile-command "make locks" "$@" --output-file "requirements/$out.txt"
}
lock uv requirements/uv.in
lock agent pyproject.toml
lock server pyproject.toml --extra server
lock demo pyproject.toml --extra server --group build
lock dev pyproject.toml --extra server --extra parquet --extra apprise --group build --group dev
