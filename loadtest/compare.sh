#!/usr/bin/env bash
# Bare socketioxide, VibeTalk and, if asked for, Node's socket.io under the same load, one right after the
# other, as a table with ratios.
#
# Each measurement gets a fresh server, pinned to one core, and the generator pinned to another. Settings are
# environment variables; see the defaults below and loadtest/README.md. Exits with 1 if a run lost anything.
set -euo pipefail
cd "$(dirname "$0")/.."

SERVERS=${SERVERS:-bare vibetalk}         # ratios are to the first; also: node (needs npm)
SCENARIOS=${SCENARIOS:-idle rtt fanout}   # also: chat senders
CONNECTIONS=${CONNECTIONS:-10000}         # of idle and fanout
ACCOUNTS=${ACCOUNTS:-250}                 # that share them
HOLD=${HOLD:-40}                          # seconds that idle watches
RATE=${RATE:-32}                          # messages/s of fanout
CHAT_RATE=${CHAT_RATE:-500}               # messages/s over the 100 rooms of chat
DURATION=${DURATION:-30}                  # measured seconds of fanout and chat
RUNS=${RUNS:-1}                           # the table shows medians
SERVER_CORE=${SERVER_CORE:-0}
GENERATOR_CORE=${GENERATOR_CORE:-1}
VIBETALK_ARGS=${VIBETALK_ARGS:-}          # more arguments of `vibetalk serve`
export -n VIBETALK_ARGS                   # the server would take it for a setting
RESULTS=${RESULTS:-${CARGO_TARGET_DIR:-target}/loadtest}
BIN=${BIN:-${CARGO_TARGET_DIR:-target}/release}

command -v taskset > /dev/null || { echo "taskset is missing (util-linux): the ratios need pinning" >&2; exit 1; }
taskset -c "$GENERATOR_CORE" true || { echo "core $GENERATOR_CORE is not there: two cores are needed" >&2; exit 1; }
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge $((CONNECTIONS + 512)) ] || {
  echo "ulimit -Hn is $(ulimit -Hn), $((CONNECTIONS + 512)) are needed" >&2; exit 1; }
ulimit -Sn "$(ulimit -Hn)"

# One build, so that both servers are linked with the same socketioxide and the same of its features.
[ -n "${NO_BUILD:-}" ] || cargo build --quiet --release --locked --workspace --bins

case " $SERVERS " in *" node "*) (cd loadtest/node && npm ci --no-audit --no-fund --loglevel=error > /dev/null) ;; esac

work=$(mktemp -d)
server_pid=
stop_server() {
  [ -n "$server_pid" ] || return 0
  kill "$server_pid" 2> /dev/null || true
  wait "$server_pid" 2> /dev/null || true
  server_pid=
}
trap 'stop_server; rm -rf "$work"' EXIT

# start_server NAME: sets server_pid and url.
start_server() {
  : > "$work/out"
  case $1 in
    bare) taskset -c "$SERVER_CORE" "$BIN/bare-socketioxide" --listen 127.0.0.1:0 > "$work/out" 2> "$work/err" & ;;
    node) taskset -c "$SERVER_CORE" node loadtest/node/server.mjs 0 > "$work/out" 2> "$work/err" & ;;
    vibetalk)
      rm -rf "$work/data"
      # shellcheck disable=SC2086 # VIBETALK_ARGS is a list
      taskset -c "$SERVER_CORE" "$BIN/vibetalk" serve --listen 127.0.0.1:0 --data-dir "$work/data" \
        --set limits.rates=false --set metrics.listen=127.0.0.1:0 $VIBETALK_ARGS > "$work/out" 2> "$work/err" & ;;
  esac
  server_pid=$!
  url=
  for _ in $(seq 100); do
    url=$(sed -n 's/^listening on \(http:[^ ]*\).*/\1/p' "$work/out" | head -n 1)
    [ -z "$url" ] || return 0
    kill -0 "$server_pid" 2> /dev/null || break
    sleep 0.1
  done
  echo "$1 did not start:" >&2
  tail -n 20 "$work/out" "$work/err" >&2
  return 1
}

# arguments SCENARIO: the generator's.
arguments() {
  case $1 in
    idle) echo idle --connections "$CONNECTIONS" --accounts "$ACCOUNTS" --hold "$HOLD" ;;
    fanout) echo fanout --receivers "$CONNECTIONS" --accounts "$ACCOUNTS" --rate "$RATE" --duration "$DURATION" ;;
    chat) echo chat --rate "$CHAT_RATE" --duration "$DURATION" ;;
    senders | rtt) echo "$1" ;;
    *) echo "unknown scenario $1" >&2; return 1 ;;
  esac
}

# measure NAME SCENARIO: adds a report to the server's file.
measure() {
  local flags=() words
  words=$(arguments "$2")
  [ "$1" = vibetalk ] || flags=(--bare)
  start_server "$1"
  echo "$2: $1" >&2
  # shellcheck disable=SC2086 # words is a list
  taskset -c "$GENERATOR_CORE" "$BIN/loadtest" --json --url "$url" --server-pid "$server_pid" "${flags[@]}" $words \
    >> "$work/reports/$1.jsonl" || failed=1
  stop_server
}

failed=0
mkdir -p "$work/reports" "$RESULTS"
for server in $SERVERS; do : > "$work/reports/$server.jsonl"; done
for _ in $(seq "$RUNS"); do
  for scenario in $SCENARIOS; do
    for server in $SERVERS; do
      measure "$server" "$scenario"
    done
  done
done

files=()
for server in $SERVERS; do files+=("$RESULTS/$server.jsonl"); done
cp "$work"/reports/*.jsonl "$RESULTS/"
{
  echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, Linux $(uname -r), commit $(git rev-parse --short HEAD 2> /dev/null || echo unknown)"
  "$BIN/loadtest" compare "${files[@]}"
} | tee "$RESULTS/table.txt"
exit "$failed"
