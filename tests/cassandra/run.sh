#!/bin/sh
# Runs one Cassandra in the foreground: run.sh JARS FOLDER [discard] [java options]. It ends, as if killed, when this
# script's standard input does: so it lives no longer than the tests that started it, however these end. With
# `discard` FOLDER goes with it.
set -eu
jars=$1 folder=$2 discard=
shift 2
if [ "${1:-}" = discard ]; then
  discard=1
  shift
fi

# The options of Cassandra's conf/jvm17-server.options, and packages that Java 17 keeps to itself besides.
exports="java.base/jdk.internal.misc java.base/java.lang.ref java.base/jdk.internal.ref java.base/sun.nio.ch
  java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry java.rmi/sun.rmi.server
  java.sql/java.sql jdk.unsupported/sun.misc jdk.compiler/com.sun.tools.javac.file jdk.attach/sun.tools.attach"
opens="java.base/java.lang.module java.base/jdk.internal.loader java.base/jdk.internal.ref
  java.base/jdk.internal.reflect java.base/jdk.internal.math java.base/jdk.internal.module
  java.base/jdk.internal.util.jar jdk.management/com.sun.management.internal java.base/sun.nio.ch java.base/java.io
  java.base/java.nio java.base/java.nio.charset java.base/java.lang java.base/java.lang.reflect java.base/java.util
  java.base/java.util.concurrent java.base/java.util.concurrent.atomic jdk.compiler/com.sun.tools.javac"
access=""
for package in $exports; do access="$access --add-exports $package=ALL-UNNAMED"; done
for package in $opens; do access="$access --add-opens $package=ALL-UNNAMED"; done

# shellcheck disable=SC2086 # $access is many words
java -Xms512m -Xmx"${CASSANDRA_HEAP:-512m}" -Xss512k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:MaxDirectMemorySize=256m \
  -XX:+ExitOnOutOfMemoryError -javaagent:"$(ls "$jars"/jamm-*.jar)" -Djdk.attach.allowAttachSelf=true \
  -Djava.net.preferIPv4Stack=true -Dio.netty.tryReflectionSetAccessible=true $access \
  -Dcassandra.config="file://$folder/conf/cassandra.yaml" \
  -Dlogback.configurationFile="file://$folder/conf/logback.xml" \
  -Dcassandra.storagedir="$folder" -Dcassandra.logdir="$folder/logs" -Dcassandra.triggers_dir="$folder/triggers" \
  -Dcassandra-foreground=yes -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=1000 \
  -Dcassandra.consistent.rangemovement=false -Dcassandra.libjemalloc=- "$@" \
  -cp "$jars/*" org.apache.cassandra.service.CassandraDaemon < /dev/null > "$folder/logs/output.log" 2>&1 &
server=$!

stop() {
  kill -9 "$server" 2> /dev/null || true
  wait "$server" 2> /dev/null || true
  if [ -n "$discard" ]; then rm -rf -- "$folder"; fi
}
trap stop EXIT
trap 'exit 1' HUP INT TERM
echo "$server"

# Returns at the end of the input, or when somebody says something.
read -r _ || true
