"""Accounts that a program of the site's knows: accounts.directory: command."""
import contextlib
import hashlib
import json
import os
import re
import sqlite3
import time
import warnings

import pytest

from post_office import PASSWORD, ROOT, Closed, PostOffice
from scram import Scram, login
from test_policy import answer, put_program

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import crypt

DENIED = b"-ERR [AUTH] wrong name or password"
PUT_OFF = b"-ERR [SYS/TEMP]"

# Who there is stands in a file beside it.
PROGRAM = r'''#!/usr/bin/python3
import json, os, sys, time
here = os.path.dirname(os.path.realpath(sys.argv[0]))
for line in sys.stdin:
    q = json.loads(line)
    with open(here + "/people.json") as f:
        people = json.load(f)
    who = people.get(q["account"])
    print("asked", q["kind"], q["account"], file=sys.stderr, flush=True)
    if people.get("error"):
        a = {"error": people["error"]}
    elif q["kind"] == "password":
        a = {"right": who is not None and who.get("password") == q["password"]}
    elif who is None:
        a = {"found": False}
    else:
        a = {"found": True, **who.get("answer", {})}
    print(json.dumps({"id": q["id"], **a}), flush=True)
'''


def people(office, **who):
    path = os.path.join(office.folder, "site", "people.json")
    with open(path + ".new", "w", encoding="ascii") as f:
        json.dump({k if k == "error" else f"{k}@example.org": v
                   for k, v in who.items()}, f)
    os.rename(path + ".new", path)


def configure(office, **keys):
    with open(office.config, encoding="ascii") as f:
        text = re.sub(r"(?m)^accounts:\n(  .*\n)*", "", f.read())
    text += "accounts:\n" + "".join(f"  {k}: {v}\n" for k, v in keys.items())
    with open(office.config, "w", encoding="ascii") as f:
        f.write(text)


def hashed(password=PASSWORD):
    return {"answer": {"hash": crypt.crypt(password, "$6$rounds=1000$salt$")}}


def outside(office, text=PROGRAM, **keys):
    keys = {"directory": "command", "cache": 1, "cache_unknown": 1,
            "timeout": 2000, **keys}
    configure(office, command=put_program(office, text, "people"), **keys)
    people(office)
    office.set("default_domain", "example.org")
    office.run("domain", "add", "example.org")
    return office.start()


def lmtp(office, *recipients):
    """What is said to each recipient."""
    with office.lmtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        got = []
        for r in recipients:
            c.say(b"RCPT TO:<%s>\r\n" % r.encode())
            got.append(c.reply()[-1][:9])
        return got


@pytest.fixture(scope="module")
def ldap():
    office = PostOffice()
    try:
        yield outside(office)
    finally:
        office.close()


def test_hash(ldap):
    people(ldap, alice=hashed(), nologin={})
    assert answer(ldap, "nobody", "x") == DENIED
    for _ in range(2):
        assert answer(ldap, "alice").startswith(b"+OK")
        assert answer(ldap, "alice@example.org", "wrong") == DENIED
    assert answer(ldap, "nologin") == DENIED
    assert lmtp(ldap, "alice@example.org", "nobody@example.org",
                "x@example.com") == [b"250 2.1.5", b"550 5.1.1",
                                     b"550 5.7.1"]
    ldap.deliver("alice@example.org", b"Subject: x\r\n\r\nhello\r\n")
    with ldap.pop3("alice@example.org") as c:
        assert b"hello" in c.retr(1)
    # Nobody is asked about other people's domains.
    assert "x@example.com" not in ldap.log()
    # The hash stays where it came from.
    with open(os.path.join(ldap.dir, "auth/directory.db"), "rb") as f:
        assert b"$6$" not in f.read()


def test_a_changed_password(ldap):
    people(ldap, carol=hashed())
    assert answer(ldap, "carol").startswith(b"+OK")
    people(ldap, carol=hashed("another one"))
    time.sleep(1.1)
    assert answer(ldap, "carol") == DENIED
    assert answer(ldap, "carol", "another one").startswith(b"+OK")


def test_who_vanishes(ldap):
    people(ldap, bob=hashed())
    ldap.deliver("bob@example.org", b"Subject: kept\r\n\r\n")
    with ldap.pop3("bob@example.org") as c:
        uidls = c.uidl()
        people(ldap)
        time.sleep(1.1)
        assert lmtp(ldap, "bob@example.org") == [b"550 5.1.1"]
        assert answer(ldap, "bob") == DENIED
        # His session ends as well.
        with contextlib.suppress(Closed, OSError):
            c.sock.settimeout(5)
            while True:
                c.say(b"NOOP\r\n")
                c.line()
                time.sleep(0.05)
    # Who comes back has the same mail.
    people(ldap, bob=hashed())
    time.sleep(1.1)
    with ldap.pop3("bob@example.org") as c:
        assert c.uidl() == uidls


def test_scram_and_settings(new_office):
    office = new_office(start=False)
    office.set("scram", "on")
    outside(office)
    import base64
    salt = b"0123456789abcdef"
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, 4096)
    import hmac
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key",
                                        "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    b64 = [base64.b64encode(x).decode() for x in (salt, stored, server)]
    people(office, alice={"answer": {
        "hash": "{SCRAM-SHA-256}4096," + ",".join(b64),
        "settings": {"quota_octets": "1K", "quota_messages": 5}}},
        locked={"answer": {**hashed()["answer"],
                           "settings": {"login": False}}},
        odd={"answer": {"settings": {"loginn": "no"}}},
        odd2={"answer": {"hash": "{PLAIN}secret"}})
    with office.pop3(tls=True) as c:
        assert login(c, Scram("alice@example.org", PASSWORD))[0].startswith(
            b"+OK")
    with office.pop3(tls=True) as c:
        assert login(c, Scram("nobody@example.org", PASSWORD))[0] == DENIED
    assert answer(office, "alice").startswith(b"+OK")
    with office.lmtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        c.smtp_ask(b"RCPT TO:<alice@example.org>")
        c.smtp_ask(b"DATA", b"354")
        c.say(b"x" * 900 + b"\r\n" + b"x" * 900 + b"\r\n.\r\n")
        assert c.reply()[-1].startswith(b"552")
    assert answer(office, "locked") == DENIED
    assert lmtp(office, "locked@example.org") == [b"250 2.1.5"]
    # What makes no sense is nobody's "no such account".
    for user in ("odd", "odd2"):
        assert answer(office, user).startswith(PUT_OFF)
        assert lmtp(office, user + "@example.org")[0].startswith(b"451")
    assert "secret" not in office.log()


def test_checked_by_the_program(new_office):
    office = outside(new_office(start=False), passwords="check")
    people(office, alice={"password": PASSWORD}, bob={"password": ""})
    since = len(office.log())
    for _ in range(2):
        assert answer(office, "alice").startswith(b"+OK")
        assert answer(office, "alice", "wrong") == DENIED
        assert answer(office, "nobody", "wrong") == DENIED
    assert len(re.findall("asked password alice", office.log()[since:])) >= 2
    assert "asked password nobody" in office.log()
    # An empty password is never anybody's, whatever LDAP thinks of it.
    with office.pop3(tls=True) as c:
        c.say(b"AUTH PLAIN AGJvYgA=\r\n")
        assert c.line().startswith(b"-ERR")
    assert "asked password bob" not in office.log()
    made = json.loads(office.run("account", "app-password", "add", "--json",
                                 "alice@example.org", "phone").stdout)
    since = len(office.log())
    assert answer(office, "alice", made["password"]).startswith(b"+OK")
    assert "asked password" not in office.log()[since:]
    people(office, alice={"password": "new"})
    time.sleep(1.2)
    assert answer(office, "alice") == DENIED
    people(office, error="LDAP is down")
    assert answer(office, "alice", "new").startswith(PUT_OFF)
    office.wait_log("it says: LDAP is down")
    assert PASSWORD not in office.log()


@pytest.mark.parametrize("text", ["#!/bin/sh\nsleep 100\n", None])
def test_no_answer_is_put_off(new_office, text):
    office = new_office(start=False)
    if text is None:
        outside(office)
        people(office, error="LDAP is down")
    else:
        outside(office, text, timeout=300)
    assert answer(office, "alice").startswith(PUT_OFF)
    assert lmtp(office, "alice@example.org", "x@example.com") == [
        lmtp(office, "bob@example.org")[0], b"550 5.7.1"]
    assert lmtp(office, "alice@example.org")[0].startswith(b"451")
    with office.pop3(tls=True) as c:
        c.ask(b"CAPA")
        assert b"SCRAM" not in c.multi()
    put_program(office, PROGRAM, "people")
    people(office, alice=hashed())
    office.run("reload")
    time.sleep(1.1)
    assert answer(office, "alice").startswith(b"+OK")
    assert lmtp(office, "alice@example.org") == [b"250 2.1.5"]
    if text is None:
        return
    # lookup dies under it.
    office.expects_deaths = True
    office.kill(office.pids("lookup")[0])
    office.wait_all_ready()
    time.sleep(1.1)
    assert answer(office, "alice").startswith(b"+OK")


def test_commands(ldap):
    people(ldap, dora=hashed())
    assert answer(ldap, "dora").startswith(b"+OK")
    for args in (("account", "add", "x@example.org"),
                 ("account", "password", "dora@example.org")):
        done = ldap.run(*args, code=1)
        assert b"accounts.command" in done.stderr, done.stderr
    assert b"dora@example.org" in ldap.run("account", "list").stdout
    ldap.run("account", "show", "dora@example.org")
    ldap.run("account", "set", "dora@example.org", "quota_messages=1")
    # Aliases lead to whom the program knows, and are asked about in turn.
    ldap.run("alias", "add", "sales@example.org", "dora@example.org",
             "eve@example.org")
    assert lmtp(ldap, "sales@example.org") == [b"250 2.1.5"]
    people(ldap)
    time.sleep(1.1)
    assert lmtp(ldap, "sales@example.org") == [b"550 5.1.1"]


def test_check_wants_a_program(new_office):
    office = new_office(start=False)
    configure(office, directory="command")
    done = office.run("check", code=10)
    assert b"needs a program in accounts.command" in done.stderr + done.stdout


def test_the_example_with_sql(new_office):
    office = new_office(start=False)
    with open(os.path.join(ROOT, "contrib/commands/directory.py"),
              encoding="ascii") as f:
        outside(office, f.read())
    path = os.path.join(office.folder, "site", "people.db")
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE people (address TEXT PRIMARY KEY, hash TEXT, "
               "quota INTEGER, active INTEGER)")
    db.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", [
        ("alice@example.org", hashed()["answer"]["hash"], 10**6, 1),
        ("o'brien@example.org", hashed()["answer"]["hash"], 10**6, 1),
        ("gone@example.org", hashed()["answer"]["hash"], 10**6, 0)])
    db.commit()
    db.close()
    os.chmod(path, 0o644)
    assert answer(office, "alice").startswith(b"+OK")
    assert answer(office, "o'brien").startswith(b"+OK")
    assert answer(office, "gone") == DENIED
    assert lmtp(office, "alice@example.org", "gone@example.org",
                "x'or'1@example.org") == [b"250 2.1.5", b"550 5.1.1",
                                          b"550 5.1.1"]
