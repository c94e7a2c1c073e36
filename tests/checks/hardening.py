#!/usr/bin/env python3
"""Reads from a program how it was hardened. usage: hardening.py PROGRAM [--not-fortified]"""
import platform, re, subprocess, sys

program, fortified = sys.argv[1], "--not-fortified" not in sys.argv
read = lambda what: subprocess.run(["readelf", "-W", what, program], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}).stdout
header, segments, dynamic, symbols = read("-h"), read("-l"), read("-d"), read("--dyn-syms")
code = open(program, "rb").read()
imported = {m.group(1) for m in re.finditer(r"UND (\w+)", symbols)}
checks = {
    "is position independent": re.search(r"Type:\s+DYN", header),
    "relocations are read-only": "GNU_RELRO" in segments,
    "all symbols are bound at the start": re.search(r"BIND_NOW|FLAGS_1.*\bNOW\b", dynamic),
    "the stack is not executable": re.search(r"GNU_STACK.*\sRW\s", segments),
    "no segment is writable and executable": not re.search(r"^\s+LOAD.*\sRWE\s", segments, re.M),
    "code stands in a segment of its own": re.search(r"^\s+LOAD.*\sR E\s", segments, re.M) and re.search(r"^\s+LOAD.*\sR\s+0x", segments, re.M),
    "no text relocations": "TEXTREL" not in dynamic,
    "no search path of its own": not re.search(r"\((RPATH|RUNPATH)\)", dynamic),
    "stacks have canaries": "__stack_chk_fail" in imported,
}
if fortified:
    checks["calls into the C library are checked"] = len([s for s in imported if s.endswith("_chk")]) >= 5
if platform.machine() == "x86_64":
    checks["indirect branches have targets (endbr64)"] = code.count(b"\xf3\x0f\x1e\xfa") >= 200
    checks["large frames are probed (orq $0,(%rsp))"] = code.count(b"\x48\x83\x0c\x24\x00") >= 10
bad = [what for what, ok in checks.items() if not ok]
for what in bad:
    print("NOT SO:", what)
print(f"{len(checks)} checks, {len(bad)} failed")
sys.exit(bool(bad))
