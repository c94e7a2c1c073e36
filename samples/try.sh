#!/usr/bin/env bash
# The one command for a newcomer: installs what is missing, builds, and shows what wsclose says of the samples beside this script.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=(gcc libc6-dev cmake ninja-build pkg-config gettext libpcap-dev libarchive-dev libndpi-dev libnghttp2-dev libssl-dev
    libsqlite3-dev libjansson-dev zlib1g-dev libxxhash-dev libseccomp-dev libcap-ng-dev libmicrohttpd-dev)
missing=()
for p in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "Installing: ${missing[*]}"
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

echo "Building ..."
cmake -S . -B build/try -G Ninja -DCMAKE_BUILD_TYPE=Release -DWSCLOSE_BUILD_TESTS=OFF >/dev/null
cmake --build build/try | tail -n 1
wsclose=build/try/src/cli/wsclose
db=$(mktemp -d)/samples.db
trap 'rm -rf "$(dirname "$db")"' EXIT

show() {
    printf '\n$ wsclose %s\n' "$*" | sed "s#$db#samples.db#g"
    "$wsclose" "$@"
}
export PAGER=cat
for f in samples/*.pcap; do
    "$wsclose" analyze --quiet --format none --db "$db" "$f"
done
echo "The samples are in a database now, one capture after the other. How did each connection end?"
show events --db "$db"
echo
echo "How often does each code come, and how long was it silent before?"
show stats --db "$db" --by code,ending
echo
echo "Only what ended without a Close, from the server's side:"
show events --db "$db" --code 1006 --closed-by server
echo
echo "Why did the proxy's connections end? Both legs, and what that rests on:"
show events --db "$db" --cause proxy_cut --why
echo
echo "What happened in one of them, packet by packet?"
show show 9 --db "$db"
echo
echo "And what does such a code mean?"
show explain 1006
echo
echo "The same as a page for others, with pictures; open it in a browser:"
show report --db "$db" -o build/try/report.html
echo
echo "Your own capture:  $wsclose analyze FILE.pcap"
