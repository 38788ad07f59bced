#!/usr/bin/env bash
# Makes sure that a Chromium is there, for the tests that drive a browser.
# Installs it where that needs no question (root on a system with apt), else says what to do.
set -euo pipefail

TRIES_MAX=3

if [ -n "${CHROMIUM:-}" ] && [ -x "$CHROMIUM" ]; then exit 0; fi
if command -v chromium > /dev/null; then exit 0; fi

if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
  echo "Chromium is missing: install the package chromium (Debian: sudo apt-get install chromium)" >&2
  exit 1
fi

install_chromium() {
  apt-get update -qq -o Acquire::Retries=3 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 chromium
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for try in $(seq "$TRIES_MAX"); do
  echo "installing chromium, try $try of $TRIES_MAX"
  if install_chromium > "$log" 2>&1; then exit 0; fi
  [ "$try" = "$TRIES_MAX" ] || sleep $((try * 10))
done
tail -n 20 "$log" >&2
echo "could not install chromium" >&2
exit 1
