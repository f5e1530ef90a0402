#!/usr/bin/env bash
# Sees to it that a Chromium is here for the browser tests: the machine's own, Debian's, or Playwright's.
set -u
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "vedette: installing Chromium from Debian's packages"
  { apt-get update -qq && apt-get install -y -qq chromium; } >/tmp/vedette-chromium.log 2>&1 && exit 0
  echo "vedette: Debian's package failed ($(tail -n 1 /tmp/vedette-chromium.log)); trying Playwright's own" >&2
fi
.venv/bin/python -m playwright install chromium >/tmp/vedette-chromium.log 2>&1 && exit 0
echo "vedette: no Chromium for the browser tests: install the package 'chromium' and try again" >&2
exit 1
