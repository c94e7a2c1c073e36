#!/usr/bin/env bash
# clang-tidy (.clang-tidy says which checks) and cppcheck over src/: silent, or exit status 1.
#   tests/checks/static.sh [BUILD]     BUILD: a configured and built directory with compile_commands.json (default build/release)
# Needs clang-tidy-14 and cppcheck, which tests/run.sh does not install: what they find depends on their version.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
[ -e "$build/compile_commands.json" ] || cmake -S . -B "$build" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >/dev/null
out=$(
    git ls-files 'src/*.c' | xargs -P"$(nproc)" -n 4 clang-tidy-14 -p "$build" --quiet 2>/dev/null
    git ls-files 'src/*.c' | cppcheck -j"$(nproc)" --std=c11 --enable=warning,performance,portability --inline-suppr --suppress=missingIncludeSystem --quiet -I src -I include -D_GNU_SOURCE --file-list=- 2>&1
)
[ -z "$out" ] || { echo "$out"; exit 1; }
echo "clang-tidy and cppcheck: nothing found in $(git ls-files 'src/*.c' | wc -l) files"
