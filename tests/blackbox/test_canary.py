"""Threat 57: memory does not leak into files.

All memory that the processes get and give back is filled with octets that
mail does not have in a row, and words are planted in what must not come out;
then all files are looked through.
"""
import os
import re

import pytest

from post_office import DOMAIN, SANITIZED

# glibc fills what is given back with MALLOC_PERTURB_, and what is got with
# its complement; AddressSanitizer, what is got with 0xbe.
FREED, GOT, GOT_SANITIZED = 0x5a, 0xa5, 0xbe
# As little as the padding of a record, which is up to seven octets.
POISON = re.compile(b"|".join(b"\\x%02x{6}" % c
                              for c in (FREED, GOT, GOT_SANITIZED)))
WORD = "CanaryOfThePassword"
MAIL = b"canary-of-the-mail"
# Recipients of one message: the store's journal is for many logs at once.
MANY = 4 if SANITIZED else 12


@pytest.fixture
def poisoned(new_office, monkeypatch):
    monkeypatch.setenv("MALLOC_PERTURB_", str(FREED))
    office = new_office(start=False)
    office.set("undelete_days", 0)
    return office.start()


def files(office):
    for top, _, names in os.walk(office.folder):
        for name in names:
            path = os.path.join(top, name)
            if os.path.isfile(path) and path != office.binary:
                with open(path, "rb") as f:
                    yield os.path.relpath(path, office.folder), f.read()


def look(office, owner=None):
    """Nothing of memory, and the words where they belong alone."""
    seen = 0
    for path, octets in files(office):
        seen += 1
        if path.endswith("/ballast"):
            continue  # reserved, and never written
        found = POISON.search(octets)
        assert not found, (path, found.start(), octets[
            max(0, found.start() - 100):found.end() + 100])
        assert WORD.encode() not in octets, path
        # The journal is of all mailboxes, until they are synced.
        if MAIL in octets and "/journal" not in path:
            assert owner and owner in path, path
    assert seen > 10


def test_nothing_of_memory_is_written(poisoned):
    office = poisoned
    owner = office.add_account("owner", WORD)
    others = [office.add_account() for _ in range(MANY)]
    with office.pop3(owner, WORD) as c:
        c.ask(b"QUIT")
    for wrong in (owner, f"nobody@{DOMAIN}"):
        with office.pop3() as c:
            c.ask(b"USER " + wrong.encode())
            c.say(b"PASS %b2\r\n" % WORD.encode())
            c.line()
    with office.lmtp() as c:
        for n in range(60):
            # Every length of what is padded.
            c.send_mail([owner], b"Subject: " + MAIL + b"\r\n\r\n" +
                        b"m" * n * 37 + b"\r\n")
            if n % 6 == 0:
                c.send_mail(others, b"Subject: x\r\n\r\n" + b"o" * n +
                            b"\r\n")
        c.send_mail([owner], b"Subject: " + MAIL + b"\r\n\r\n" +
                    (b"l" * 70 + b"\r\n") * 3000)
    where = next(path for path, octets in files(office) if MAIL in octets)
    where = os.path.dirname(os.path.dirname(where)) + "/"
    look(office, where)
    with office.pop3(owner, WORD) as c:
        for n in range(1, 60, 2):
            c.ask(b"DELE %d" % n)
        c.ask(b"QUIT")
    office.run("account", "app-password", "add", owner, "phone")
    office.run("account", "set", owner, "quota_messages=1000")
    office.run("account", "app-password", "revoke", owner, "phone")
    office.run("account", "password", owner, "--password-stdin",
               data=(WORD + "2\n").encode())
    office.run("fsck", owner)
    office.run("compact", owner)
    look(office, where)
    office.restart()
    with office.pop3(owner, WORD + "2") as c:
        n, _ = c.stat()
        assert n == 61 - 30
        for k in range(1, n + 1):
            c.ask(b"DELE %d" % k)
        c.ask(b"QUIT")
    office.run("compact", owner)
    office.stop()
    # What was deleted is gone, where it need not be kept.
    look(office)
