#!/usr/bin/env bash
# Runs a command beside a CQL server of its own, whose address it finds in VIBETALK_TEST_STORE:
#   scripts/with-cassandra.sh npm --prefix tests/js test
# Without a command the server runs until its input ends (Ctrl+D).
set -euo pipefail
cd "$(dirname "$0")/.."
templates=$PWD/tests/cassandra
jars=$(scripts/cassandra.sh)
cd - > /dev/null

start_seconds_max=120
# Anything of 127.0.0.0/8 but what the Rust tests take.
address=127.$((1 + RANDOM % 63)).$((RANDOM % 256)).1
folder=$(mktemp -d "${TMPDIR:-/tmp}/vibetalk-cassandra-XXXXXX")
mkdir "$folder"/{conf,logs,triggers}
for name in cassandra.yaml logback.xml; do
  sed -e "s:@FOLDER@:$folder:g" -e "s:@RUN@:$$:g" -e "s:@TOKEN@:0:g" -e "s:@SEED@:$address:g" \
    -e "s:@ADDRESS@:$address:g" -e "s:@STORAGE_PORT@:7000:g" -e "s:@CQL_PORT@:9042:g" \
    "$templates/$name" > "$folder/conf/$name"
done

# It lives as long as its input, which this shell alone holds open.
coproc server { exec "$templates/run.sh" "$jars" "$folder" discard -Dcassandra.unsafesystem=true; }
read -r pid <&"${server[0]}"
until (: < "/dev/tcp/$address/9042") 2> /dev/null; do
  if [ ! -e "/proc/$pid" ]; then
    cat "$folder/logs/output.log" >&2 || true
    echo "Cassandra ended" >&2
    exit 1
  fi
  if ((SECONDS > start_seconds_max)); then
    echo "Cassandra did not start in time" >&2
    exit 1
  fi
  sleep 0.1
done

export VIBETALK_TEST_STORE=scylla://$address:9042
if (($# == 0)); then
  echo "$VIBETALK_TEST_STORE"
  cat > /dev/null
else
  status=0
  # The command must not hold the server's input.
  "$@" {server[1]}>&- || status=$?
fi
exec {server[1]}>&-
wait "$server_PID" || true
exit "${status:-0}"
