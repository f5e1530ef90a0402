#!/usr/bin/env bash
# Brings the virtual environment to one of requirements/NAME.txt and builds the page into it.
# usage: scripts/install.sh demo|dev      Says one line for each thing that can go wrong.
set -u
name=$1
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
log=.venv/install.log

fail() {
  echo "vedette: $1" >&2
  [ -f "$log" ] && echo "vedette: the whole story is in $log" >&2
  exit 1
}

python=${PYTHON:-python3}
command -v "$python" >/dev/null || fail "no $python on this machine: install Python 3.11 or newer"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$("$python" --version) is too old: Python 3.11 or newer is needed (PYTHON=/path/to/python make ...)"

explain() {  # what a failed step most likely wants, from its log
  if grep -qiE 'dns error|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|resolve|network is unreachable|connection (refused|reset)|timed? ?out|NewConnectionError|No matching distribution|error sending request|client error' "$log"; then
    fail "could not $1: no package registry was reached; connect this machine to the network and try again"
  fi
  if ! command -v cc >/dev/null; then
    fail "could not $1: a package has no ready-made wheel for this machine and there is no C compiler (cc): install gcc and try again"
  fi
  fail "could not $1: $(grep -v '^ *$' "$log" | tail -n 1)"
}

if [ ! -x .venv/bin/python ]; then
  echo "vedette: making .venv"
  mkdir -p .venv && "$python" -m venv .venv >"$log" 2>&1 || fail "could not make a virtual environment: install Python's venv module (Debian: apt-get install python3-venv)"
fi
if [ ! -x .venv/bin/uv ]; then
  .venv/bin/pip install --quiet --disable-pip-version-check --retries 1 --require-hashes -r requirements/uv.txt >"$log" 2>&1 || explain "install uv"
fi
echo "vedette: installing requirements/$name.txt"
VIRTUAL_ENV="$root/.venv" .venv/bin/uv pip install --quiet --require-hashes -r "requirements/$name.txt" >"$log" 2>&1 || explain "install the requirements"
echo "vedette: building the page and the package"
VIRTUAL_ENV="$root/.venv" .venv/bin/uv pip install --quiet --no-deps --no-build-isolation --reinstall-package vedette -e . >"$log" 2>&1 || explain "build the page"
touch ".venv/.$name"
