#!/usr/bin/env python3
"""Sums gcov's counts by directory. usage: coverage.py BUILD SRC. Prints a table; the lines that never ran go to BUILD/not-run.txt."""
import collections, concurrent.futures, glob, json, os, subprocess, sys

build, src = (os.path.abspath(a) for a in sys.argv[1:3])
lines, branches, functions = (collections.defaultdict(dict) for _ in range(3))


def gcov(notes):
    p = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", notes], capture_output=True, cwd=os.path.dirname(notes))
    return [json.loads(text) for text in p.stdout.splitlines() if text.strip()]


notes = glob.glob(build + "/src/**/*.gcno", recursive=True)
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for reports in pool.map(gcov, notes):
        for report in reports:
            for f in report["files"]:
                name = os.path.normpath(os.path.join(report["current_working_directory"], f["file"]))
                if not name.startswith(src + "/") or not name.endswith(".c"):
                    continue
                rel = os.path.relpath(name, src)
                for fn in f["functions"]:
                    functions[rel][fn["name"]] = functions[rel].get(fn["name"], 0) + fn["execution_count"]
                for line in f["lines"]:
                    n = line["line_number"]
                    lines[rel][n] = lines[rel].get(n, 0) + line["count"]
                    for i, b in enumerate(line["branches"]):
                        branches[rel][n, i] = branches[rel].get((n, i), 0) + b["count"]


def share(counts):
    ran = sum(c > 0 for c in counts)
    return "%6d %5.1f %%" % (len(counts), 100 * ran / len(counts) if counts else 100)


groups = collections.defaultdict(list)
for rel in lines:
    groups[rel.split("/")[0]].append(rel)
print("%-12s %17s %17s %17s" % ("", "functions", "lines", "branches"))
for name, files in [*sorted(groups.items()), ("all", list(lines))]:
    print("%-12s %s  %s  %s" % (name, *("  " + share([c for f in files for c in t[f].values()]) for t in (functions, lines, branches))))
with open(os.path.join(build, "not-run.txt"), "w") as out:
    for rel in sorted(lines):
        with open(os.path.join(src, rel)) as f:
            text = f.read().split("\n")
        for n, count in sorted(lines[rel].items()):
            if count == 0 and n <= len(text):  # sources may have changed since
                out.write("%s:%d: %s\n" % (rel, n, text[n - 1].strip()))
