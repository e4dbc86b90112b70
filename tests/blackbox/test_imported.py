"""Accounts that came with a password hash from another server."""
import base64
import json
import warnings

import pytest

from post_office import PASSWORD
from scram import Scram, login

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import crypt

SETTINGS = {"yescrypt": "$y$j9T$abcdefgh$",
            "bcrypt": "$2b$05$abcdefghijklmnopqrstuu",
            "sha512": "$6$saltsalt$", "sha256": "$5$rounds=1000$saltsalt$"}


@pytest.fixture
def fresh(new_office):
    return new_office()


def bring(office, name, hash_):
    user = f"{name}@example.org"
    office.run("account", "add", user, "--hash-stdin",
               data=hash_.encode() + b"\n")
    return user


def left(office):
    return json.loads(office.run("status", "--json").stdout)[
        "imported_accounts"]


def sasl(office, tls=True):
    with office.pop3(tls=tls) as c:
        c.ask(b"CAPA")
        return [line for line in c.multi().split(b"\r\n")
                if line.startswith(b"SASL")][0]


def may_login(office, user, password, how):
    with office.pop3(tls=True) as c:
        if how == "plain":
            c.say(b"AUTH PLAIN " + base64.b64encode(
                f"\0{user}\0{password}".encode()) + b"\r\n")
        elif how == "login":
            c.ask(b"AUTH LOGIN " + base64.b64encode(user.encode()), b"+ ")
            c.say(base64.b64encode(password.encode()) + b"\r\n")
        else:
            c.ask(b"USER " + user.encode())
            c.say(b"PASS " + password.encode() + b"\r\n")
        return c.line().startswith(b"+OK")


def test_all_kinds_and_ways(fresh):
    users = []
    for i, (name, setting) in enumerate(SETTINGS.items()):
        hash_ = crypt.crypt(PASSWORD, setting)
        if name == "bcrypt":
            hash_ = "{BLF-CRYPT}" + hash_
        users.append(bring(fresh, name, hash_))
        assert left(fresh) == i + 1
    # What SCRAM cannot serve is not offered.
    assert sasl(fresh) == b"SASL PLAIN LOGIN"
    for user, how in zip(users, ("plain", "login", "user", "plain")):
        assert not may_login(fresh, user, PASSWORD + "x", how)
        n = left(fresh)
        assert may_login(fresh, user, PASSWORD, how)
        assert left(fresh) == n - 1
        assert may_login(fresh, user, PASSWORD, how)
        assert not may_login(fresh, user, PASSWORD + "x", how)
    assert sasl(fresh).startswith(b"SASL SCRAM-SHA-256-PLUS")
    for user in users:
        with fresh.pop3(tls=True) as c:
            assert login(c, Scram(user, PASSWORD))[0].startswith(b"+OK")
    fresh.restart()
    assert left(fresh) == 0
    assert may_login(fresh, users[0], PASSWORD, "plain")


def test_what_is_left_is_counted(fresh):
    hash_ = crypt.crypt(PASSWORD, SETTINGS["sha512"])
    users = [bring(fresh, f"u{i}", hash_) for i in range(3)]
    assert left(fresh) == 3
    fresh.restart()
    assert left(fresh) == 3 and b"SCRAM" not in sasl(fresh)
    fresh.run("account", "password", users[0])
    assert left(fresh) == 2
    fresh.run("account", "remove", users[1], "--yes")
    assert left(fresh) == 1
    # A device beside the hash, and the hash beside the device.
    made = json.loads(fresh.run("account", "app-password", "add", "--json",
                                users[2], "phone").stdout)
    assert may_login(fresh, users[2], made["password"], "plain")
    assert left(fresh) == 1
    assert may_login(fresh, users[2], PASSWORD, "plain")
    assert may_login(fresh, users[2], made["password"], "plain")
    assert left(fresh) == 0
    assert sasl(fresh).startswith(b"SASL SCRAM")


def test_scram_by_the_configuration(new_office):
    office = new_office(start=False)
    office.set("scram", "on")
    office.start()
    bring(office, "a", crypt.crypt(PASSWORD, SETTINGS["sha256"]))
    assert b"SCRAM" in sasl(office)
    office.set("scram", "off")
    office.restart()
    assert b"SCRAM" not in sasl(office)
    with office.pop3(tls=True) as c:
        c.ask(b"AUTH SCRAM-SHA-256", b"-ERR mechanism not offered")


@pytest.mark.parametrize("hash_", [
    "$1$saltsalt$2AaTZbwkgbYqHZxPFPlWK/", "ab1y7yfDyPxSk", "secret", "*",
    "{MD5}1B2M2Y8AsgTpgAmY7PhCfg==", "{CRYPT}x", "{CRYPT", "{PLAIN}", "$6$",
    "$2b$31$abcdefghijklmnopqrstuuGwPz6Fm4lTnGdQg3oQW7oO1hHc0Zb2m"])
def test_what_is_not_taken(office, hash_):
    done = office.run("account", "add", "x@example.org", "--hash-stdin",
                      data=hash_.encode() + b"\n", code=1)
    assert b"cannot be used" in done.stderr
    office.run("account", "show", "x@example.org", code=1)


def test_plain_text(office):
    user = bring(office, "plain", "{PLAIN}" + PASSWORD)
    assert may_login(office, user, PASSWORD, "plain")
