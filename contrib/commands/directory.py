#!/usr/bin/python3
"""Accounts from a database of SQL: see docs/guide/commands.md.

Reads people.db beside this file (SQLite): a table `people` with address, hash
(of crypt(3), such as `openssl passwd -6` makes), quota and active. With another
database only connect() and the placeholder change.
"""
import json
import os
import sqlite3
import sys

HERE = os.path.dirname(os.path.realpath(__file__))


def connect():
    return sqlite3.connect(f"file:{HERE}/people.db?mode=ro", uri=True)


def look_up(address):
    db = connect()
    try:
        row = db.execute("SELECT hash, quota FROM people WHERE address = ? "
                         "AND active", (address,)).fetchone()
    finally:
        db.close()
    if row is None:
        return {"found": False}
    return {"found": True, "hash": row[0],
            "settings": {"quota_octets": row[1]}}


for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = look_up(question["account"])
    except Exception as e:  # "later", and never "no such account"
        answer = {"error": str(e)}
    print(json.dumps({"id": question["id"], **answer}), flush=True)
