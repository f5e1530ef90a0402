#!/usr/bin/env bash
# Sees to it that Prometheus and its promtool are here for the tests: the machine's own, or Debian's package,
# unpacked into .venv/prometheus. It is not installed, because Debian would start it as a service.
set -u
place=$(cd "$(dirname "$0")/.." && pwd)/.venv/prometheus
log=/tmp/vedette-prometheus.log
command -v promtool >/dev/null && command -v prometheus >/dev/null && exit 0
[ -x "$place/usr/bin/promtool" ] && exit 0
if command -v apt-get >/dev/null; then
  echo "vedette: unpacking Prometheus from Debian's package"
  mkdir -p "$place" && cd "$place" || exit 1
  fetch() { apt-get download -qq prometheus; }
  { fetch || { [ "$(id -u)" = 0 ] && apt-get update -qq && fetch; }; } >"$log" 2>&1 \
    && dpkg -x prometheus_*.deb . >>"$log" 2>&1 && rm -f prometheus_*.deb && exit 0
  echo "vedette: Debian's package failed ($(tail -n 1 "$log"))" >&2
fi
echo "vedette: no promtool for the tests of metrics and alert rules: install the package 'prometheus' and try again" >&2
exit 1
