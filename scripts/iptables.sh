#!/usr/bin/env bash
# Sees to it that a long run may cut a node off from its network: with iptables, the machine's own or Debian's.
# Without, what needs a cut is skipped, and says so.
set -u
command -v iptables >/dev/null && command -v ip >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "vedette: installing iptables from Debian's packages"
  { apt-get update -qq && apt-get install -y -qq iptables iproute2; } >/tmp/vedette-iptables.log 2>&1 && exit 0
  echo "vedette: Debian's package failed ($(tail -n 1 /tmp/vedette-iptables.log))" >&2
fi
echo "vedette: no iptables here: runs that cut a node off will be skipped" >&2
