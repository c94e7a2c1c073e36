#!/usr/bin/env python3
"""Record the captures of this folder, their key logs and their truth.

usage: record.py [SCENE...]        (as root; without names: all of them)

A scene is a coroutine in scenes_*.py. Its captures, its key logs and its entry in truth.json replace the old ones. Nothing here looks at
wsclose's output. What it needs is in README.md.
"""
import os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [os.path.join(HERE, "..", "causes"), os.path.join(HERE, "..", "..", "support")]
import recording, scenes_handshakes, scenes_stacks, scenes_suites, scenes_wire
from tlslab import TlsLab

recording.main(TlsLab, HERE, [scenes_suites, scenes_handshakes, scenes_stacks, scenes_wire], __doc__)
