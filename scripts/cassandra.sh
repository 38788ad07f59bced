#!/bin/sh
# Prints the folder with the jars of the CQL server that the tests run, and fetches them first if they are not there.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's:.*<version>\([0-9.]*\)</version>.*:\1:p' tests/cassandra/pom.xml | tail -1)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/vibetalk/cassandra-$version

if ! command -v java > /dev/null; then
  echo "Java 17 is missing, which the CQL server of the tests needs: apt install openjdk-17-jdk-headless" >&2
  exit 1
fi
if [ ! -e "$folder/complete" ]; then
  if ! command -v mvn > /dev/null; then
    echo "Maven is missing, which fetches the CQL server of the tests: apt install maven" >&2
    exit 1
  fi
  mkdir -p "$folder"
  # One at a time; who waited finds it done, and Maven has nothing to fetch.
  exec 9> "$folder.lock"
  flock 9
  mvn -B -q -f tests/cassandra/pom.xml \
    org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$folder" >&2
  touch "$folder/complete"
fi
echo "$folder"
