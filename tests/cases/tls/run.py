#!/usr/bin/env python3
"""Recorded TLS connections, read with their key logs, against what their endpoints logged.

usage: run.py WSCLOSE [-v] [SCENE...]

truth.json has one entry a scene: its captures, its key logs, and for each connection what the endpoints logged and what the record must
say (see ../causes/run.py for the words). Every record must be expected.
"""
import os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
import keyed

keyed.main(HERE, __doc__)
