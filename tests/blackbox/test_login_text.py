"""What a refused login is told, and what the log says of it."""
import base64
import os
import re

import pytest

from post_office import PASSWORD, next_source
from scram import Scram, login

URL = "https://help.example.org/mail"
WANTS = b"-ERR [AUTH] login failed; this service needs an app password, " \
    b"see " + URL.encode()


@pytest.fixture
def fresh(new_office):
    office = new_office(start=False)
    office.set("help_url", URL)
    return office.start()


def answers(office, user, password, source=None):
    """All ways of being refused, or let in."""
    told = set()
    with office.pop3(source=source) as c:
        c.ask(b"USER " + user.encode())
        c.say(b"PASS " + password.encode() + b"\r\n")
        told.add(c.line())
    with office.pop3(source=source) as c:
        c.say(b"AUTH PLAIN " + base64.b64encode(
            f"\0{user}\0{password}".encode()) + b"\r\n")
        told.add(c.line())
    with office.pop3(source=source, tls=True) as c:
        told.add(login(c, Scram(user, password))[0])
    return told


def test_require_app_password(fresh):
    user, other = fresh.add_account(), fresh.add_account()
    fresh.add_account("x@example.net")
    assert answers(fresh, user, "wrong") == \
        {b"-ERR [AUTH] wrong name or password; help: " + URL.encode()}
    fresh.run("domain", "set", "example.org", "require_app_password=yes")
    for name, word in ((user, PASSWORD), (user, "wrong"),
                       ("nobody@example.org", PASSWORD), (other, "")):
        if word:
            assert answers(fresh, name, word) == {WANTS}
    # The other domain is as it was.
    assert answers(fresh, "nobody@example.net", "x") == \
        {b"-ERR [AUTH] wrong name or password; help: " + URL.encode()}
    assert all(a.startswith(b"+OK")
               for a in answers(fresh, "x@example.net", PASSWORD))
    done = fresh.run("account", "app-password", "add", user, "phone")
    word = done.stdout.decode().strip()
    assert all(a.startswith(b"+OK") for a in answers(fresh, user, word))
    # Even where it is remembered.
    assert answers(fresh, user, PASSWORD) == {WANTS}
    fresh.run("account", "set", other, "require_app_password=no")
    assert all(a.startswith(b"+OK") for a in answers(fresh, other, PASSWORD))
    fresh.run("domain", "set", "example.org", "require_app_password=no")
    assert all(a.startswith(b"+OK") for a in answers(fresh, user, PASSWORD))


def test_of_one_account(fresh):
    # Its own setting keeps the main password out, and the text tells nobody.
    user = fresh.add_account()
    fresh.run("account", "set", user, "require_app_password=yes")
    assert answers(fresh, user, PASSWORD) == answers(
        fresh, "nobody@example.org", PASSWORD)


def test_the_line(office, user):
    mark = len(office.log())
    source = next_source()
    answers(office, user, "wrong", source)
    answers(office, "No@Such.Example", "x\x7f")
    answers(office, "a b\"c@x", "y")
    office.wait_log(r"event=login_failed[^\n]*user=\?[^\n]*SCRAM", mark)
    lines = [line for line in office.log()[mark:].split("\n")
             if "event=login_failed" in line]
    form = re.compile(r"ts=\S+ level=warn proc=auth event=login_failed "
                      r"address=127[.0-9]+ user=\S+ mechanism=(\S+) "
                      r"reason=\w+ session=w\d+\.[0-9a-f.]+$")
    assert len(lines) == 9
    assert all(form.match(line) for line in lines), lines
    assert [form.match(line)[1] for line in lines] == \
        ["PASS", "PLAIN", "SCRAM-SHA-256"] * 3
    assert sum(f"address={source} user={user} " in line
               for line in lines) == 3
    assert sum("user=no@such.example" in line for line in lines) == 3
    # The session is the one of the summary.
    sid = lines[0].rsplit("session=", 1)[1]
    office.wait_log(rf"event=session[^\n]*session={re.escape(sid)} ", mark)


@pytest.mark.skipif(os.geteuid() != 0, reason="reads other users' memory")
def test_no_password_stays(office, user):
    """Neither the worker nor auth keep what a client typed."""
    word = "Zq7-" + os.urandom(12).hex()
    office.run("account", "password", user, "--password-stdin",
               data=word.encode() + b"\n")
    for tls in (False, True):
        with office.pop3(user, word, tls=tls) as c:
            c.stat()
        with office.pop3(tls=tls) as c:
            c.say(b"USER " + user.encode() + b"\r\nPASS " + word.encode() +
                  b"\r\nSTAT\r\n")
            for _ in range(3):
                c.expect(b"+OK")
    found = []
    for role in ("worker", "auth", "store"):
        for pid in office.pids(role):
            found += [(role, n) for n in range(holds(pid, word.encode()))]
    # OpenSSL keeps the last record of a connection until it is used again.
    assert len(found) <= 2, found


def holds(pid, word):
    n = 0
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not m or int(m[2], 16) - int(m[1], 16) > 1 << 28:
                continue
            try:
                mem.seek(int(m[1], 16))
                n += mem.read(int(m[2], 16) - int(m[1], 16)).count(word)
            except (OSError, ValueError):
                continue
    return n
