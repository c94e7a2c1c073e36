#!/usr/bin/env bash
# The one command that passes the tests on a fresh Debian 12 machine: installs what is missing, builds with and without sanitizers,
# runs everything. Exit status 0 only if all of it passed.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
shared=$root/../shared
export LC_ALL=C.UTF-8 TZ=UTC PYTHONDONTWRITEBYTECODE=1 DEBIAN_FRONTEND=noninteractive

packages=(
    gcc libc6-dev cmake ninja-build pkg-config gettext clang-format git python3
    libpcap-dev libarchive-dev libndpi-dev libnghttp2-dev libssl-dev libsqlite3-dev libjansson-dev zlib1g-dev libxxhash-dev
    libseccomp-dev libcap-ng-dev libmicrohttpd-dev
    libcriterion-dev tshark wireshark-common sqlite3 python3-websockets chromium iproute2 ethtool tcpdump openssl
    dpkg-dev lintian debootstrap libcap2-bin # packages, and a Debian with nothing else to install them in
    mandoc man-db zsh fish bash-completion # the manual, and shells that complete
)
missing=()
for p in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "== installing: ${missing[*]}"
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    echo 'wireshark-common wireshark-common/install-setuid boolean false' | $sudo debconf-set-selections
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

echo "== format"
git ls-files '*.c' '*.h' | xargs -r clang-format --dry-run -Werror

for preset in dev release package; do
    echo "== build $preset"
    cmake --preset "$preset" >/dev/null
    cmake --build --preset "$preset" -- -j"$(nproc)" | tail -n 1
done
dev=$root/build/dev/src/cli/wsclose
release=$root/build/release/src/cli/wsclose

failed=0
run() { # NAME COMMAND...: goes on after a failure, which counts
    local name=$1
    shift
    echo "== $name"
    "$@" || {
        echo "FAILED: $name"
        failed=1
    }
}

# Damaged and odd files: no sanitizer report, no hang, exit 0, 1 or 3.
nasty() {
    local bad=0 status
    for f in "$shared"/captures/nasty/*/*; do
        status=0
        timeout 10 "$dev" analyze --db none --encrypted --format ndjson "$f" >/dev/null 2>"$root/build/nasty.log" || status=$?
        case $status in
        0 | 1 | 3) ;;
        *)
            echo "$(basename "$f"): exit $status"
            bad=1
            ;;
        esac
        if grep -qE 'ERROR: AddressSanitizer|runtime error:|LeakSanitizer' "$root/build/nasty.log"; then
            head -n 20 "$root/build/nasty.log"
            bad=1
        fi
    done
    return $bad
}

if [ -d "$shared/captures" ]; then
    # The least that each field must reach; one reason in public is cut short in the truth.
    for least in public:90 encodings:100 lab:97; do
        folder=${least%:*}
        run "score $folder" python3 "$shared/captures/score.py" "$release" "$shared/captures/$folder" --min "${least#*:}"
    done
    run "nasty, with sanitizers" nasty
    if [ -e tests/close_frames_vs_tshark.py ]; then
        run "Close frames against tshark" python3 tests/close_frames_vs_tshark.py "$release" \
            "$shared/captures/public" "$shared/captures/encodings" "$shared/captures/lab" samples tests/cases/causes tests/cases/tls tests/cases/http2
    fi
elif [ -e tests/close_frames_vs_tshark.py ]; then
    run "Close frames against tshark" python3 tests/close_frames_vs_tshark.py "$release" samples tests/cases/causes tests/cases/tls tests/cases/http2
fi

for preset in dev release package; do
    echo "== ctest $preset"
    but=() # long tests that would say the same of each build run with sanitizers only
    [ "$preset" = dev ] || but=(-LE once)
    ctest --test-dir "build/$preset" --output-on-failure -j"$(nproc)" "${but[@]}" || failed=1
done
exit $failed
