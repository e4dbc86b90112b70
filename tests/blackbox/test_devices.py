"""App passwords: devices with limits, and what ends when one is revoked."""
import json
import time

import pytest

from post_office import PASSWORD
from scram import Scram, login

DENIED = b"-ERR [AUTH] wrong name or password"
MAIL = b"Subject: x\r\n\r\nbody\r\n"


def add(office, user, *args):
    """An app password; the options come before the name."""
    done = office.run("account", "app-password", "add", "--json", user, *args)
    return json.loads(done.stdout)


def devices(office, user):
    done = office.run("account", "app-password", "list", "--json", user)
    return {d["name"]: d for d in json.loads(done.stdout)}


def may_login(office, user, password, source=None):
    """Both ways of proving a password must agree."""
    with office.pop3(source=source) as c:
        c.ask(b"USER " + user.encode())
        c.say(b"PASS " + password.encode() + b"\r\n")
        plain = c.line()
    with office.pop3(source=source, tls=True) as c:
        scram = login(c, Scram(user, password))[0]
    assert plain.startswith(b"+OK") == scram.startswith(b"+OK")
    if not plain.startswith(b"+OK"):
        assert plain == scram == DENIED
    return plain.startswith(b"+OK")


def test_life(office, user):
    made = add(office, user, "phone")
    assert made["name"] == "phone" and made["address"] == user
    assert add(office, user)["name"] == "app-1"
    assert add(office, user)["name"] == "app-2"
    found = devices(office, user)
    assert list(found) == ["main", "phone", "app-1", "app-2"]
    assert found["phone"]["last_used"] is None
    assert found["phone"]["may_delete"] is True
    assert may_login(office, user, made["password"])
    assert may_login(office, user, PASSWORD)
    assert devices(office, user)["phone"]["last_used"] > 0
    text = office.run("account", "app-password", "list", user).stdout
    assert b"phone" in text and made["password"].encode() not in text
    office.run("account", "app-password", "revoke", user, "phone")
    assert not may_login(office, user, made["password"])
    assert may_login(office, user, PASSWORD)
    # The main password is changed, and the others stay.
    other = add(office, user, "tablet")["password"]
    office.run("account", "password", user, "--password-stdin",
               "--allow-weak", data=b"another\n")
    assert may_login(office, user, other)
    assert may_login(office, user, "another")
    assert not may_login(office, user, PASSWORD)


def test_without_a_server(new_office):
    office = new_office(start=False)
    user = office.add_account()
    made = add(office, user, "phone")
    assert list(devices(office, user)) == ["main", "phone"]
    office.start()
    assert may_login(office, user, made["password"])


@pytest.mark.parametrize("args,code,word", [
    (("--from", "192.0.2.1/24"), 1, b"prefix"),
    (("--from", "example.org"), 1, b"networks"),
    (("--protocols", "telnet"), 2, b"pop3"),
    (("--expires", "yesterday"), 2, b"2031-12-31"),
    (("--expires", "2001-01-01"), 1, b"passed"),
    (("main",), 1, b"main"),
    (("a,b",), 1, b"commas"),
    (("x" * 65,), 1, b"64"),
    (("a\x1bb",), 1, b"control"),
])
def test_what_cannot_be(office, user, args, code, word):
    done = office.run("account", "app-password", "add", user, *args,
                      code=code)
    assert word in done.stderr


def test_errors(office, user):
    add(office, user, "phone")
    for args, word in (
            (("add", user, "phone"), b"already"),
            (("add", "nobody@example.org", "x"), b"no account"),
            (("list", "nobody@example.org"), b"no account"),
            (("revoke", user, "x"), b"no device"),
            (("revoke", user, "main"), b"account password")):
        done = office.run("account", "app-password", *args, code=1)
        assert word in done.stderr, done.stderr
    office.run("account", "app-password", code=2, config=False)
    assert b"did you mean \"list\"" in office.run(
        "account", "app-password", "lst", user, code=2, config=False).stderr
    assert b"revoke" in office.run("account", "app-password", "--help",
                                   config=False).stdout


def test_networks(office, user):
    word = add(office, user, "--from", "127.77.0.0/16,2001:db8::/32",
               "desk")["password"]
    assert not may_login(office, user, word, source="127.78.0.1")
    assert may_login(office, user, word, source="127.77.3.4")
    # It is remembered now, and still not from elsewhere.
    assert not may_login(office, user, word, source="127.78.0.2")
    assert may_login(office, user, PASSWORD, source="127.78.0.3")


def test_protocols(office, user):
    word = add(office, user, "--protocols", "submission", "out")["password"]
    both = add(office, user, "--protocols", "pop3,submission",
               "both")["password"]
    assert not may_login(office, user, word)
    assert may_login(office, user, both)
    assert devices(office, user)["out"]["protocols"] == ["submission"]


def test_end(office, user):
    word = add(office, user, "--expires", "2", "guest")["password"]
    assert may_login(office, user, word)
    left = devices(office, user)["guest"]["expires"] - time.time()
    assert 2 * 86400 - 60 < left <= 2 * 86400
    year = time.localtime().tm_year + 1
    add(office, user, "--expires", f"{year}-12-31", "year")
    end = time.localtime(devices(office, user)["year"]["expires"] - 1)
    assert (end.tm_year, end.tm_mon, end.tm_mday) == (year, 12, 31)


@pytest.mark.parametrize("how", ["pass", "scram"])
def test_no_delete(office, user, how):
    word = add(office, user, "--no-delete", "archive")["password"]
    office.deliver(user, MAIL)
    with office.pop3(tls=True) as c:
        if how == "scram":
            assert login(c, Scram(user, word))[0].startswith(b"+OK")
        else:
            c.ask(b"USER " + user.encode())
            c.ask(b"PASS " + word.encode())
        assert c.ask(b"DELE 1", b"-ERR") == \
            b"-ERR this app password may not delete mail"
        c.ask(b"DELE 2", b"-ERR no such message")
        c.retr(1)
        c.ask(b"QUIT")
    with office.pop3(user) as c:
        assert c.stat()[0] == 1
        c.ask(b"DELE 1")
        c.ask(b"QUIT")


# ---- what ends ----

def ended(c):
    """The session says why and is over, within a second."""
    c.sock.settimeout(5)
    began = time.monotonic()
    line = c.line()
    assert line == b"-ERR [AUTH] the password of this session was changed " \
        b"or revoked"
    assert c.rest() == b""
    return time.monotonic() - began


def test_revoking_ends_sessions(office, user):
    office.deliver(user, MAIL)
    phone = add(office, user, "phone")["password"]
    desk = add(office, user, "desk")["password"]
    with office.pop3(user, phone) as a, office.pop3(user, phone, tls=True) \
            as b, office.pop3(user, desk) as other, \
            office.pop3(user) as main:
        a.ask(b"DELE 1")
        b.retr(1)
        office.run("account", "app-password", "revoke", user, "phone")
        assert ended(a) < 1 and ended(b) < 1
        other.stat()
        assert main.stat()[0] == 1
        office.run("account", "password", user)
        assert ended(main) < 1
        other.stat()
        office.run("account", "remove", user, "--yes")
        assert ended(other) < 1


def test_revoking_ends_one_who_does_not_read(office, user):
    body = b"Subject: large\r\n\r\n" + b"x" * 70 + b"\r\n"
    office.deliver(user, body + (b"y" * 76 + b"\r\n") * 200000)
    phone = add(office, user, "phone")["password"]
    with office.pop3(user, phone, rcvbuf=4096) as c:
        c.say(b"RETR 1\r\n")
        c.expect(b"+OK")
        office.run("account", "app-password", "revoke", user, "phone")
        began = time.monotonic()
        assert len(c.rest()) < 15000000
        assert time.monotonic() - began < 10


def test_revoked_in_the_middle_of_a_login(office, user):
    # The proof is right, then the device goes, then the client is let in.
    phone = add(office, user, "phone")["password"]
    with office.pop3(user, phone):
        pass  # is remembered
    office.run("account", "app-password", "revoke", user, "phone")
    assert not may_login(office, user, phone)
    # A new one of that name has a password of its own.
    again = add(office, user, "phone")["password"]
    assert again != phone and may_login(office, user, again)
    assert not may_login(office, user, phone)
