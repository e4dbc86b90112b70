"""Every dialogue of tests/wire with the real server."""
import contextlib
import glob
import os
import shutil
import sqlite3
import subprocess

import pytest

from dialogue import FOLDER, Dialogue, Talk
from post_office import BINARY, PostOffice, strip_trace


def scene_of(path):
    """Those with one scene stand together, the ones that delete last: a
    server restarts for each new maildrop."""
    d = Dialogue(path)
    changes = d.left is not None and len(d.left) != len(d.maildrop())
    return sorted(d.given.items(), key=str), changes, path


FILES = sorted(glob.glob(os.path.join(FOLDER, "*/*.t")), key=lambda path:
               (os.path.dirname(path), str(scene_of(path))))
FILL = os.path.join(os.path.dirname(BINARY), "tests/fill_maildrop")
HOST = "mail.example.org"
SIZE = "1000000"
ADDRESSES = ["alice@example.org", "bob@example.org", "postmaster@example.org"]


# The token "alice" is hers, and there is no other.
PROGRAM = """#!/usr/bin/python3
import json, sys
for line in sys.stdin:
    q = json.loads(line)
    print(json.dumps({"id": q["id"], "active": q["token"] == "alice",
                      "username": "alice", "scope": "mail"}), flush=True)
"""


class Scene:
    """A server whose alice has the maildrop that a dialogue wants."""

    def __init__(self, plain_login, utf8_mail, legacy, tokens):
        self.office = PostOffice()
        if legacy:
            self.office.replace(
                "tls: starttls}\n  # mail out, TLS from", "tls: starttls, "
                "legacy: [apop, cram-md5, scram-sha-1, without-tls]}\n"
                "  # mail out, TLS from")
        if tokens:
            self.take_tokens()
        self.office.set("hostname", HOST)
        self.office.set("default_domain", "example.org")
        self.office.set("plain_login", plain_login)
        self.office.set("utf8_mail", utf8_mail)
        self.office.set("message_size_max", SIZE)
        lmtp = f":{self.office.lmtp_port}\"], tls: "
        self.office.replace(lmtp + "off", lmtp + "starttls")
        for address in ADDRESSES:
            self.office.add_account(address)
        self.store = os.path.join(self.office.dir, "store")
        self.maildrop = None  # what alice has, or None if that is not known

        self.alice_id = self.find_alice()

    def take_tokens(self):
        program = os.path.join(self.office.folder, "tokens")
        with open(program, "w", encoding="utf-8") as f:
            f.write(PROGRAM)
        os.chmod(program, 0o755)
        with open(self.office.config, "a", encoding="utf-8") as f:
            f.write(f"\noauth: {{command: {program}, scope: mail}}\n")

    def find_alice(self):
        path = os.path.join(self.office.dir, "auth/directory.db")
        with contextlib.closing(sqlite3.connect(path)) as db:
            return db.execute("SELECT hex(id) FROM accounts WHERE address ="
                              " 'alice@example.org'").fetchone()[0]

    def set_up(self, dialogue):
        name = dialogue.given["maildrop"]
        if self.maildrop == name and self.office.is_running():
            return
        self.office.stop()
        owner = os.stat(self.store)
        for entry in os.listdir(self.store):
            path = os.path.join(self.store, entry)
            if os.path.isdir(path):
                shutil.rmtree(path)
        files = [os.path.join(FOLDER, "maildrops", name, f"{n + 1}.eml")
                 for n in range(len(dialogue.maildrop()))]
        if files:
            subprocess.run([FILL, self.store, self.alice_id, *files],
                           check=True)
        for top, folders, names in os.walk(self.store):
            for entry in folders + names:
                os.chown(os.path.join(top, entry), owner.st_uid,
                         owner.st_gid)
        self.office.start()
        self.maildrop = name


@pytest.fixture(scope="module")
def scenes():
    made = {}

    def get(connection, utf8):
        kind = ("never" if connection == "stls" else "loopback", utf8,
                connection == "legacy", connection == "tokens")
        if kind not in made:
            made[kind] = Scene(*kind)
        return made[kind]

    yield get
    for scene in made.values():
        scene.office.close()


def check_left(scene, dialogue):
    before = dialogue.maildrop()
    with scene.office.pop3(tls=True) as c:
        for command in (b"UTF8", b"USER alice", b"PASS secret"):
            c.ask(command)
        after = [c.retr(n + 1) for n in range(c.stat()[0])]
        c.ask(b"QUIT")
    assert after == [before[n - 1] for n in dialogue.left]


def last_messages(office):
    found = {}
    for address in ADDRESSES:
        with office.pop3(address, tls=True) as c:
            n = c.stat()[0]
            found[address] = (n, c.retr(n) if n else None)
            c.ask(b"QUIT")
    return found


def check_kept(dialogue, before, after):
    if dialogue.kept is None:
        return
    if not dialogue.kept:
        assert after == before
    for address in dialogue.kept:
        # <Postmaster> has no domain (RFC 5321 section 4.5.1).
        address = address.lower()
        address += "" if "@" in address else "@example.org"
        assert after[address] != before[address], address
        message = after[address][1]
        if dialogue.sender is not None:
            assert message.startswith(b"Return-Path: <" + dialogue.sender +
                                      b">\r\n")
        if dialogue.tail:
            text = b"".join(line + b"\r\n" for line in dialogue.tail)
            assert strip_trace(message).endswith(text)


@pytest.mark.parametrize(
    "path", FILES, ids=[os.path.relpath(f, FOLDER) for f in FILES])
def test_dialogue(scenes, path):
    dialogue = Dialogue(path)
    if dialogue.given["size"]:
        pytest.skip("a message size below what a configuration may say; "
                    "test_mail_in.py has its own")
    scene = scenes(dialogue.given["connection"], dialogue.given["utf8"])
    scene.set_up(dialogue)
    office = scene.office
    mail = dialogue.protocol in ("smtp", "lmtp")
    before = last_messages(office) if mail else None
    Talk(office, dialogue).run()
    office.check_log()
    if mail:
        check_kept(dialogue, before, last_messages(office))
        scene.maildrop = None if dialogue.kept != [] else scene.maildrop
    if dialogue.left is not None:
        check_left(scene, dialogue)
        if len(dialogue.left) != len(dialogue.maildrop()):
            scene.maildrop = None
