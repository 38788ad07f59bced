#!/usr/bin/env bash
# Makes sure that the named browsers (chromium, firefox) are there, for the tests that drive them.
# Installs them where that needs no question (root on a system with apt), else says what to do.
set -euo pipefail

TRIES_MAX=3

missing=()
for browser in "$@"; do
  case $browser in
    chromium) chosen=${CHROMIUM:-} commands="chromium" package=chromium ;;
    firefox) chosen=${FIREFOX:-} commands="firefox-esr firefox" package=firefox-esr ;;
    *) echo "unknown browser $browser" >&2 && exit 2 ;;
  esac
  if [ -n "$chosen" ] && [ -x "$chosen" ]; then continue; fi
  found=
  for command in $commands; do if command -v "$command" > /dev/null; then found=$command; fi; done
  [ -n "$found" ] || missing+=("$package")
done
if [ "${#missing[@]}" = 0 ]; then exit 0; fi

if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
  echo "missing: ${missing[*]} (Debian: sudo apt-get install ${missing[*]})" >&2
  exit 1
fi

install_missing() {
  apt-get update -qq -o Acquire::Retries=3 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "${missing[@]}"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for try in $(seq "$TRIES_MAX"); do
  echo "installing ${missing[*]}, try $try of $TRIES_MAX"
  if install_missing > "$log" 2>&1; then exit 0; fi
  [ "$try" = "$TRIES_MAX" ] || sleep $((try * 10))
done
tail -n 20 "$log" >&2
echo "could not install ${missing[*]}" >&2
exit 1
