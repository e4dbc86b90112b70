"""yubin log --wire: one account's dialogue, as it goes on, without secrets."""
import base64
import os
import signal
import subprocess
import time

import pytest

from post_office import PASSWORD, PATIENCE, environment


class Watch:
    def __init__(self, office, address):
        self.office = office
        self.path = os.path.join(office.folder, f"wire-{id(self)}")
        since = len(office.log())
        with open(self.path, "wb") as f:
            self.proc = subprocess.Popen(
                office.command("log", "-c", office.config, "--wire",
                               address), env=environment(), stdout=f)
        # Each worker says that it is watched.
        for _ in range(len(office.pids("worker"))):
            m = office.wait_log(r"event=watch watched=\S+ uid=\d+.*", since)
            since = office.log().index(m.group(), since) + len(m.group())

    def text(self):
        with open(self.path, encoding="utf-8") as f:
            return f.read()

    def wait(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.text():
            assert time.monotonic() < end, self.text()
            time.sleep(0.02)
        return self.text()

    def close(self):
        self.proc.send_signal(signal.SIGINT)
        self.proc.wait(PATIENCE)


@pytest.fixture
def watch(office):
    made = []

    def make(address):
        made.append(Watch(office, address))
        return made[-1]

    yield make
    for w in made:
        w.close()


def said(text):
    """The dialogue without times and names of sessions."""
    return [line.split(" ", 2)[2] for line in text.splitlines()]


def test_a_session_from_its_greeting(office, user, watch):
    other = office.add_account()
    office.deliver(user, b"Subject: private\r\n\r\nthe body\r\n")
    w = watch(user)
    with office.pop3(other) as x, office.pop3(user, tls=True) as c:
        c.stat()
        c.retr(1)
        x.stat()
        c.ask(b"TOP 1 0")
        c.multi()
        c.ask(b"DELE 1")
        c.ask(b"NOPE secret words", b"-ERR")
        c.ask(b"QUIT")
    text = w.wait("-: closed")
    lines = said(text)
    assert lines[0].startswith("S: +OK localhost POP3 ready")
    assert lines[1:3] == [f"C: USER {user}", "S: +OK send PASS"]
    assert lines[3] == "C: PASS ***"
    assert "C: RETR 1" in lines and "C: DELE 1" in lines
    assert any(x.endswith("octets of a message)") for x in lines)
    assert "C: QUIT" in lines
    # Nothing of bodies, of secrets, of what is no command, of others.
    for word in (PASSWORD, "private", "the body", "secret words", "NOPE",
                 other):
        assert word not in text, word
    assert len({line.split()[1] for line in text.splitlines()}) == 1


def test_sasl_is_masked(office, user, watch):
    w = watch(user.upper())
    blob = base64.b64encode(f"\0{user}\0{PASSWORD}".encode())
    with office.pop3() as c:
        c.ask(b"AUTH PLAIN " + blob)
        c.ask(b"QUIT")
    w.wait("C: AUTH PLAIN ***")
    with office.pop3() as c:
        c.ask(b"AUTH PLAIN", b"+ ")
        c.ask(blob)
        c.ask(b"QUIT")
    with office.pop3() as c:
        c.ask(b"AUTH LOGIN", b"+ ")
        c.ask(base64.b64encode(user.encode()), b"+ ")
        c.ask(base64.b64encode(PASSWORD.encode()))
        # In pieces, and pipelined: nothing slips through.
        c.say(b"NO")
        time.sleep(0.1)
        c.say(b"OP\r\nSTAT\r\nQUIT\r\n")
        c.rest()
    text = w.wait("C: AUTH LOGIN")
    w.wait("C: NOOP")
    text = w.text()
    for secret in (blob.decode(), blob.decode()[:16],
                   base64.b64encode(PASSWORD.encode()).decode(), PASSWORD,
                   base64.b64encode(user.encode()).decode(), "VXNlcm5hbWU"):
        assert secret not in text, secret
    assert "octets not shown" in text


def test_a_failed_login_is_nobodys(office, user, watch):
    w = watch(user)
    with office.pop3() as c:
        c.ask(b"USER " + user.encode())
        c.ask(b"PASS wrong", b"-ERR")
    with office.pop3(user):
        pass
    text = w.wait("closed")
    assert "wrong" not in text and text.count("PASS ***") == 1


def test_mail_that_comes(office, user, watch):
    other = office.add_account()
    w = watch(user)
    with office.lmtp() as c:
        c.send_mail([user], b"Subject: hidden\r\n\r\nMAIL hidden\r\n")
        c.send_mail([other], b"other\r\n", b"not-for-you@example.net")
        c.say(b"QUIT\r\n")
        c.rest()
    w.wait("C: DATA")
    text = w.wait("S: 250 2.0.0")
    time.sleep(0.2)
    text = w.text()
    assert f"C: RCPT TO:<{user}>" in text and "LHLO" in text
    assert "octets not shown" in text
    for word in ("hidden", other, "not-for-you"):
        assert word not in text, word


def test_what_was_there_before(office, user, watch):
    with office.pop3(user) as early, office.pop3() as unknown:
        w = watch(user)
        early.ask(b"NOOP")
        unknown.ask(b"USER " + user.encode())
        unknown.ask(b"PASS " + PASSWORD.encode())
        w.wait("C: NOOP")
        w.wait(f"C: USER {user}")


def test_listings_are_abridged(office, user, watch):
    for _ in range(60):
        office.deliver(user, b"x\r\n")
    w = watch(user)
    with office.pop3(user) as c:
        c.uidl()
        c.ask(b"QUIT")
    text = w.wait("C: QUIT")
    assert "more lines)" in text
    assert len(text.splitlines()) < 60


def test_it_ends_with_its_command(office, user, watch):
    since = len(office.log())
    w = watch(user)
    w.close()
    office.wait_log(rf"event=watch-end watched={user}", since)
    assert w.proc.returncode in (-signal.SIGINT, 130)


def test_who_may_watch(office, user):
    if os.geteuid() != 0:
        pytest.skip("root becomes another user")
    done = subprocess.run(
        ["setpriv", "--reuid", "nobody", "--regid", "nogroup",
         "--clear-groups", "--", *office.command(
             "log", "-c", office.config, "--wire", user)],
        env=environment(), capture_output=True, timeout=PATIENCE)
    assert done.returncode == 1 and b"run it as root" in done.stderr


def test_a_worker_that_dies(new_office):
    office = new_office()
    office.expects_deaths = True
    user = office.add_account()
    w = Watch(office, user)
    try:
        since = len(office.log())
        for pid in office.pids("worker"):
            office.kill(pid)
        office.wait_all_ready()
        office.wait_log(r"event=watch watched", since)
        with office.pop3(user):
            w.wait("S: +OK ")
    finally:
        w.close()


def test_mail_by_another_name(office, user, watch):
    """Sub-addresses, aliases and later recipients lead to the account, too."""
    other = office.add_account()
    alias = "desk-" + user
    office.run("alias", "add", alias, user)
    w = watch(user)
    local, domain = user.split("@")
    with office.lmtp() as c:
        for n, to in enumerate([[local + "+list@" + domain], [alias],
                                [other, user], [other]]):
            c.smtp_ask(b"MAIL FROM:<a%d@b.example>" % n)
            for address in to:
                c.smtp_ask(b"RCPT TO:<" + address.encode() + b">")
            c.smtp_ask(b"RSET")
        c.smtp_ask(b"QUIT", b"221")
    w.wait("desk-")
    text = w.wait("a2@b.example")
    assert "a0@b.example" in text and "a1@b.example" in text
    assert "a3@b.example" not in text


def test_nobody_to_watch(office):
    done = office.run("log", "--wire", "nobody@example.org", code=1)
    assert b"no such account" in done.stderr
