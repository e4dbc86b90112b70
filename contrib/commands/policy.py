#!/usr/bin/python3
"""A policy for logins: see docs/guide/commands.md.

Addresses and networks in `denied.txt` beside this file, one a line, may not log
in; others wait two seconds between 0 and 5 o'clock, unless they are in
`known.txt`. Both files may be missing, and are read again when they change.
"""
import ipaddress
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
_read = {}


def networks(name):
    path = os.path.join(HERE, name)
    try:
        changed = os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return []
    if _read.get(name, (None,))[0] != changed:
        with open(path, encoding="ascii") as f:
            _read[name] = (changed, [
                ipaddress.ip_network(line.strip(), strict=False)
                for line in f if line.strip() and not line.startswith("#")])
    return _read[name][1]


def judge(question):
    address = ipaddress.ip_address(question["address"])
    if any(address in network for network in networks("denied.txt")):
        return {"verdict": "deny", "cache_s": 60}
    if any(address in network for network in networks("known.txt")):
        return {"verdict": "allow", "cache_s": 60}
    if time.localtime().tm_hour < 5:
        return {"verdict": "delay", "delay_ms": 2000}
    return {"verdict": "allow"}


for line in sys.stdin:
    question = json.loads(line)
    answer = judge(question) if question["kind"] == "login" else {}
    print(json.dumps({"id": question["id"], **answer}), flush=True)
