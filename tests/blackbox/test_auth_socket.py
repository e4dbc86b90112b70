"""Dovecot's authentication protocol, for Postfix and Exim."""
import base64
import os
import subprocess

import pytest

from mail_systems import Postfix, why_not
from post_office import (DOMAIN, PASSWORD, PATIENCE, SANITIZED, Closed, Line,
                         PostOffice)
from scram import Scram


@pytest.fixture(scope="module")
def office():
    made = PostOffice()
    try:
        made.replace("listeners:\n",
                     "listeners:\n  auth: {address: [\"run/auth\"]}\n")
        yield made.start()
    finally:
        made.close()


class Auth(Line):
    """A mail system's side: lines end with LF alone."""

    def __init__(self, office, hello=True):
        super().__init__(os.path.join(office.dir, "run/auth"))
        self.greeting = []
        while not self.greeting or self.greeting[-1] != b"DONE":
            self.greeting.append(self.line())
        if hello:
            self.tell("VERSION\t1\t2", "CPID\t77")

    def line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def tell(self, *lines):
        self.say("".join(line + "\n" for line in lines).encode())

    def auth(self, id_, mechanism, response=None, rip="192.0.2.7",
             more="secured"):
        resp = "" if response is None else "\tresp=" + b64(response)
        self.tell(f"AUTH\t{id_}\t{mechanism}\tservice=smtp\tnologin\t"
                  f"lip=127.0.0.1\trip={rip}\t{more}{resp}")
        return self.line()


def b64(text):
    text = text.encode() if isinstance(text, str) else text
    return base64.b64encode(text).decode()


def test_greeting(office):
    with Auth(office) as c, Auth(office) as d:
        assert c.greeting[0] == b"VERSION\t1\t2"
        assert b"MECH\tPLAIN\tplaintext" in c.greeting
        assert b"MECH\tLOGIN\tplaintext" in c.greeting
        assert any(g.startswith(b"MECH\tSCRAM-SHA-256") for g in c.greeting)
        assert not any(b"PLUS" in g for g in c.greeting)
        cookies = [[g for g in x.greeting if g.startswith(b"COOKIE\t")][0]
                   for x in (c, d)]
        assert cookies[0] != cookies[1] and len(cookies[0]) == 7 + 32


def test_plain_and_login(office, user):
    with Auth(office) as c:
        assert c.auth(1, "PLAIN", f"\0{user}\0{PASSWORD}") == \
            b"OK\t1\tuser=" + user.encode()
        # The same connection, many times, also after a wrong one.
        assert c.auth(2, "plain", f"\0{user.upper()}\0{PASSWORD}") == \
            b"OK\t2\tuser=" + user.encode()
        assert c.auth(3, "PLAIN", f"\0{user}\0wrong") == b"FAIL\t3"
        assert c.auth(4, "PLAIN", "\0nobody@example.org\0x") == b"FAIL\t4"
        assert c.auth(5, "PLAIN") == b"CONT\t5\t"
        c.tell("CONT\t5\t" + b64(f"\0{user}\0{PASSWORD}"))
        assert c.line() == b"OK\t5\tuser=" + user.encode()
        assert c.auth(4294967295, "LOGIN") == \
            b"CONT\t4294967295\t" + b64("Username:").encode()
        c.tell("CONT\t4294967295\t" + b64(user))
        c.line()
        c.tell("CONT\t4294967295\t" + b64(PASSWORD))
        assert c.line().startswith(b"OK\t4294967295\t")


def test_scram(office, user):
    s = Scram(user, PASSWORD)
    with Auth(office) as c:
        said = c.auth(1, "SCRAM-SHA-256", s.first)
        assert said.startswith(b"CONT\t1\t")
        c.tell("CONT\t1\t" + b64(s.final(base64.b64decode(said[7:]))))
        s.check(base64.b64decode(c.line()[7:]))
        c.tell("CONT\t1\t")
        assert c.line() == b"OK\t1\tuser=" + user.encode()


def test_refusals(office, user):
    with Auth(office) as c:
        good = f"\0{user}\0{PASSWORD}"
        assert c.auth(1, "CRAM-MD5").startswith(b"FAIL\t1\treason=")
        c.tell("AUTH\t2\tPLAIN\tservice=smtp\tsecured\tresp=!!!!")
        assert c.line() == b"FAIL\t2\treason=Invalid base64 data"
        # In clear from elsewhere; here it is allowed (plain_login).
        assert c.auth(3, "PLAIN", good, more="x=y") == b"FAIL\t3"
        assert c.auth(4, "PLAIN", good, rip="127.0.0.1",
                      more="x=y").startswith(b"OK\t4")
        # Given up in the middle, and begun anew.
        assert c.auth(5, "LOGIN").startswith(b"CONT\t5")
        c.tell("CANCEL\t5")
        assert c.auth(6, "PLAIN", good).startswith(b"OK\t6")


@pytest.mark.parametrize("lines", [
    ("AUTH\t1\tPLAIN",), ("VERSION\t2\t0",), ("HELLO",),
    ("VERSION\t1\t2", "AUTH\tx\tPLAIN"), ("VERSION\t1\t2", "CONT\t1\tAAAA"),
    ("VERSION\t1\t2", "AUTH\t4294967296\tPLAIN"), ("x" * 20000,)])
def test_who_breaks_it_is_cut_off(office, user, lines):
    with Auth(office) as other:
        with Auth(office, hello=False) as c, \
                pytest.raises((Closed, OSError)):
            c.tell(*lines)
            for _ in range(3):
                c.line()
        assert other.auth(1, "PLAIN", f"\0{user}\0{PASSWORD}") == \
            b"OK\t1\tuser=" + user.encode()


def test_app_passwords(office, user):
    def add(*args):
        return office.run("account", "app-password", "add", user,
                          *args).stdout.decode().strip()

    out, fetch = add("--protocols", "submission"), add("--protocols", "pop3")
    near = add("--from", "192.0.2.0/24")
    with Auth(office) as c:
        assert c.auth(1, "PLAIN", f"\0{user}\0{out}").startswith(b"OK")
        assert c.auth(2, "PLAIN", f"\0{user}\0{fetch}") == b"FAIL\t2"
        # Where from is what the mail system says.
        assert c.auth(3, "PLAIN", f"\0{user}\0{near}").startswith(b"OK")
        assert c.auth(4, "PLAIN", f"\0{user}\0{near}",
                      rip="198.51.100.1") == b"FAIL\t4"
        assert c.auth(5, "PLAIN", f"\0{user}\0{near}",
                      rip="2001:db8::1") == b"FAIL\t5"
    office.wait_log(r"event=login_failed address=2001:db8::1 ")


@pytest.mark.skipif(bool(why_not()), reason=why_not())
@pytest.mark.skipif(SANITIZED, reason="once is enough for Postfix")
def test_postfix(office, user):
    """smtpd_sasl_type = dovecot, with swaks for a client."""
    postfix = Postfix(office, PATIENCE, "lmtp-unix", (
        "smtpd_sasl_type = dovecot", "smtpd_sasl_auth_enable = yes",
        f"smtpd_sasl_path = {office.dir}/run/auth",
        "smtpd_sasl_security_options = noanonymous"))
    try:
        for how in ("PLAIN", "LOGIN"):
            assert swaks(postfix, user, how, PASSWORD) == 0
            assert swaks(postfix, user, how, "wrong") == 28
        assert swaks(postfix, f"nobody@{DOMAIN}", "PLAIN", PASSWORD) == 28
        assert "authentication failed" in postfix.log()
        # Yubin starts anew, and Postfix goes on.
        office.restart()
        assert swaks(postfix, user, "PLAIN", PASSWORD) == 0
    finally:
        postfix.stop()


def swaks(postfix, user, how, password):
    return subprocess.run(
        ["swaks", "-n", "-4", "--server", "127.0.0.1", "--port",
         str(postfix.port), "--quit-after", "AUTH", "--auth", how,
         "--auth-user", user, "--auth-password", password, "--to", user],
        capture_output=True, timeout=PATIENCE).returncode
