#!/bin/sh
# Prints the folder with the jars of the CQL server that the tests run, and fetches them first if they are not there.
# With --install also Java and Maven, where that needs no question (root on a system with apt).
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's:.*<version>\([0-9.]*\)</version>.*:\1:p' tests/cassandra/pom.xml | tail -1)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/vibetalk/cassandra-$version
packages="openjdk-17-jdk-headless maven"

install_missing() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then return; fi
  echo "installing $packages" >&2
  for pause in 0 10 20; do
    sleep "$pause"
    if apt-get update -qq -o Acquire::Retries=3 >&2 &&
      # shellcheck disable=SC2086 # two packages
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 $packages >&2; then
      return
    fi
  done
}

if ! command -v java > /dev/null || { [ ! -e "$folder/complete" ] && ! command -v mvn > /dev/null; }; then
  if [ "${1:-}" = --install ]; then install_missing; fi
fi
if ! command -v java > /dev/null; then
  echo "Java 17 is missing, which the CQL server of the tests needs (Debian: apt-get install openjdk-17-jdk-headless)" >&2
  exit 1
fi
if [ ! -e "$folder/complete" ]; then
  if ! command -v mvn > /dev/null; then
    echo "Maven is missing, which fetches the CQL server of the tests (Debian: apt-get install maven)" >&2
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
