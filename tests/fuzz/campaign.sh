#!/bin/sh
# Fuzzes targets one after the other and writes a table of what came of it.
#
# usage: campaign.sh MINUTES TARGET...       TARGET: packet, h1, ... or "all"
#
# BUILD  where fuzz_TARGET lies      (default build/fuzz; made with: cmake --preset fuzz && cmake --build --preset fuzz)
# WORK   where it works              (default build/fuzz/campaign; survives, so that a second run goes on from the first)
#
# WORK/corpus/TARGET holds what was found, WORK/crashes/TARGET-* what must be mended: a crash, a leak, an input that takes over 10 s
# or 2 GB ends the run of its target. WORK/table.tsv gets a line a run. When a run is over, what adds coverage to the repository's
# corpus is in WORK/corpus/TARGET only; campaign.sh 0 TARGET... minimises it (what reaches other edges; -merge) into WORK/merged/TARGET instead
# of fuzzing, smallest inputs first, from which tests/fuzz/corpus/TARGET is filled by hand.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
BUILD=${BUILD:-$here/../../build/fuzz}
WORK=${WORK:-$BUILD/campaign}
[ $# -ge 2 ] || { sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2; }
minutes=$1
shift
[ "$1" != all ] || set -- $(cd "$here" && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
mkdir -p "$WORK/crashes" "$WORK/logs"
table=$WORK/table.tsv
[ -e "$table" ] || printf 'target\texecutions\tminutes\tedges\tfeatures\tcorpus\tcrashes\n' > "$table"

merge() {
    rm -rf "$WORK/merged/$1"
    mkdir -p "$WORK/merged/$1"
    nice -n 19 "$BUILD/tests/fuzz/fuzz_$1" -merge=1 -use_counters=0 -timeout=10 -max_len=65536 "$WORK/merged/$1" "$here/corpus/$1" "$WORK/corpus/$1" > "$WORK/logs/$1.merge" 2>&1
    printf '%s: %s inputs, %s KB\n' "$1" "$(ls "$WORK/merged/$1" | wc -l)" "$(du -sk --apparent-size "$WORK/merged/$1" | cut -f1)"
}

fuzz() {
    mkdir -p "$WORK/corpus/$1"
    log=$WORK/logs/$1.$(date +%H%M%S)
    status=0
    start=$(date +%s)
    ASAN_OPTIONS=quarantine_size_mb=16 nice -n 19 "$BUILD/tests/fuzz/fuzz_$1" -max_total_time=$((minutes * 60)) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$WORK/crashes/$1-" "$WORK/corpus/$1" "$here/corpus/$1" > "$log" 2>&1 || status=$?
    # "#4194304 DONE cov: 512 ft: 1810 corp: 290/14Kb ..."
    awk -v target="$1" -v failed=$((status != 0)) -v seconds=$(($(date +%s) - start)) '
        $1 ~ /^#[0-9]+$/ && $3 == "cov:" { for (i = 2; i < NF; i++) { if ($i == "cov:") cov = $(i+1); if ($i == "ft:") ft = $(i+1); if ($i == "corp:") { split($(i+1), c, "/"); corp = c[1] } }
                           runs = substr($1, 2) }
        END { printf "%s\t%d\t%.1f\t%d\t%d\t%d\t%d\n", target, runs, seconds / 60, cov, ft, corp, failed }' "$log" >> "$table"
    tail -n 1 "$table"
}

for target; do
    if [ "$minutes" = 0 ]; then merge "$target"; else fuzz "$target"; fi
done
