#!/usr/bin/env bash
# Brings wsclose.pot and the catalogs up to date with the sources. With --check changes nothing: exit status 1 if the .pot is old, or if a
# catalog has a text that is not translated, fuzzy or wrong; 77 without the tools of the package gettext.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v xgettext >/dev/null || exit 77
export LC_ALL=C.UTF-8
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# The prose in the tables under src/codes/data: file and name of the column.
column() {
    awk -F'\t' -v name="$2" 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == name) n = i; next}
        $n != "-" && !seen[$n]++ {gsub(/["\\]/, "\\\\&", $n); printf "N_(\"%s\")\n", $n}' "src/codes/data/$1.tsv" >>"$tmp/src/codes/data/$1.tsv"
}
mkdir -p "$tmp/src/codes/data"
column official_codes name
column official_codes reported
column app_codes meaning
column reasons situation

mapfile -t sources < <(grep -rlE '\b(_|N_|dngettext)\(' src --include='*.[ch]' | LC_ALL=C sort)
xgettext --language=C --from-code=UTF-8 --keyword=_ --keyword=N_ --keyword=dngettext:2,3 --add-comments=TRANSLATORS --add-location=file \
    --package-name=wsclose --package-version=0.1.0 --msgid-bugs-address=developers@wsclose.invalid -o "$tmp/code.pot" "${sources[@]}"
(cd "$tmp" && xgettext --language=C --from-code=UTF-8 --keyword=N_ --add-location=file -o tables.pot src/codes/data/*.tsv)
msgcat --use-first --sort-by-file "$tmp/code.pot" "$tmp/tables.pot" | sed '/^"POT-Creation-Date:/d; /^# /d; /^#$/d; /^#, fuzzy$/d; s/charset=CHARSET/charset=UTF-8/' >"$tmp/wsclose.pot"

if [ "${1:-}" != --check ]; then
    cp "$tmp/wsclose.pot" po/wsclose.pot
    for po in po/*.po; do
        msgmerge --quiet --update --backup=none --no-fuzzy-matching --sort-by-file --add-location=file "$po" po/wsclose.pot
        echo "$po: $(msgfmt -c --statistics -o /dev/null "$po" 2>&1)"
    done
    exit
fi
bad=0
cmp -s "$tmp/wsclose.pot" po/wsclose.pot || {
    echo "po/wsclose.pot is old: run po/update.sh"
    bad=1
}
for po in po/*.po; do
    msgfmt -c -o /dev/null "$po" || bad=1
    msgcmp "$po" po/wsclose.pot || bad=1
    if [ "$(msgattrib --fuzzy --no-obsolete "$po" | wc -l)" != 0 ] || [ "$(msgattrib --obsolete "$po" | wc -l)" != 0 ]; then
        echo "$po: has fuzzy or obsolete texts"
        bad=1
    fi
done
exit $bad
