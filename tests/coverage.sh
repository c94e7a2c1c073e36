#!/usr/bin/env bash
# Which lines and branches of src/ the tests run: builds with counters, runs ctest, and prints a table by directory.
#   tests/coverage.sh [CTEST-ARGUMENT...]     for instance -E 'case_live|mutate' to leave the slow ones out
# The lines that no test ran are listed in build/coverage/not-run.txt, as FILE:LINE: TEXT.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8 TZ=UTC PYTHONDONTWRITEBYTECODE=1
cmake --preset coverage >/dev/null
cmake --build --preset coverage -- -j"${JOBS:-$(nproc)}" | tail -n 1
find build/coverage -name '*.gcda' -delete
chmod -R a+rwX build/coverage # `live` counts as the user it goes on as
ctest --test-dir build/coverage -j"${JOBS:-$(nproc)}" "$@" | tail -n 12 || echo "some tests failed: the figures are those of all the same" >&2
python3 tests/checks/coverage.py build/coverage "$PWD/src"
