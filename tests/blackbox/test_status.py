"""yubin status and yubin top: what an administrator sees of a server."""
import contextlib
import json
import os
import socket
import subprocess
import time

import pytest

from post_office import PATIENCE, environment


class Terminal:
    """A command in a terminal of its own, looked at as a person would."""

    def __init__(self, argv, columns=80, rows=24):
        self.name = f"yubin-test-{os.getpid()}-{id(self)}"
        words = " ".join(f"'{a}'" for a in map(str, argv))
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns),
                  "-y", str(rows), f"{words}; echo ended with $?; sleep 60")

    def tmux(self, *args):
        env = dict(environment(), TERM="xterm-256color")
        return subprocess.run(["tmux", "-L", self.name, *args], env=env,
                              capture_output=True, timeout=PATIENCE)

    def screen(self):
        return self.tmux("capture-pane", "-p").stdout.decode()

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def wait(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.screen():
            assert time.monotonic() < end, self.screen()
            time.sleep(0.05)
        return self.screen()

    def close(self):
        self.tmux("kill-server")


@pytest.fixture
def terminal():
    made = []

    def make(*args, **named):
        made.append(Terminal(*args, **named))
        return made[-1]

    yield make
    for t in made:
        t.close()


def sessions(office):
    return json.loads(office.run("top", "--json", "-i", "0").stdout)[
        "sessions"]


def test_status(office, user):
    with office.pop3(user, tls=True):
        s = office.status()
        text = office.run("status").stdout.decode()
    assert s["connections"]["pop3s"] == s["maildrops_open"] == 1
    assert {p["role"] for p in s["processes"]} == {
        "supervisor", "store", "auth", "worker", "metrics"}
    assert all(p["ready"] for p in s["processes"])
    assert 800 < s["certificate_days"] <= 825
    assert 0 < s["disk"]["free"] <= s["disk"]["size"]
    assert s["logins"]["ok"] >= 1
    assert "1 pop3s; 1 maildrops open" in text
    assert max(map(len, text.splitlines())) <= 80


def test_status_of_a_broken_server(new_office):
    office = new_office()
    office.expects_deaths = True
    for _ in range(3):
        while not office.pids("store") or \
                office.killed & set(office.pids("store")):
            time.sleep(0.02)
        office.kill(office.pids("store")[0])
    end = time.monotonic() + PATIENCE
    while office.run("status", code=None).returncode != 3:
        assert time.monotonic() < end
    office.wait_all_ready()
    office.stop()
    assert b"does not run" in office.run("status", code=11).stderr
    assert b"does not run" in office.run("top", "--once", code=11).stderr


def test_who_is_connected(office, user):
    with office.pop3(user, tls=True) as c, office.pop3() as d, \
            office.lmtp(unix=True) as e:
        c.ask(b"NOOP")
        e.smtp_ask(b"MAIL FROM:<a@b.example>")
        e.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
        found = {s["doing"]: s for s in sessions(office)}
        assert d.is_alive()
    mail = found["mail"]
    assert (mail["service"], mail["account"], mail["tls"][:4]) == (
        "pop3s", user, "TLSv")
    assert mail["commands"] == 3 and mail["in"] > 10 and mail["out"] > 10
    assert found["login"]["account"] == found["login"]["tls"] == ""
    assert found["envelope"]["account"] == user
    assert found["envelope"]["peer"] == "local"
    # The name is the one in the log.
    office.wait_log("session=" + mail["session"])


def test_who_waits_for_the_greeting(new_office):
    """Each state of a session has its word, also the first of SMTP's."""
    office = new_office(start=False)
    office.set("smtp_greeting_delay", 5000)
    office.start()
    with socket.create_connection(("127.0.0.1", office.smtp_port)):
        end = time.monotonic() + PATIENCE
        while not (found := sessions(office)):
            assert time.monotonic() < end
        assert [s["doing"] for s in found] == ["greeting"]
        assert all(p["restarts"] == 0 for p in office.status()["processes"])


def test_more_sessions_than_a_packet_holds(office):
    with contextlib.ExitStack() as all_:
        for _ in range(1500):
            all_.enter_context(office.pop3())
        found = sessions(office)
    assert len({s["session"] for s in found}) == len(found) >= 1500


def test_top_once(office, user):
    with office.pop3(user):
        text = office.run("top", "--once", "-i", "0").stdout.decode()
        assert user in text and "\033" not in text
    assert office.run("top", "--sort", "x", code=2).stderr
    assert b"wants a terminal" in office.run("top", code=2).stderr


def test_top_on_a_screen(office, user, terminal):
    other = office.add_account()
    with office.pop3(user), office.pop3(other):
        t = terminal(office.command("top", "-c", office.config, "-i", "1",
                                    "--sort", "account"))
        screen = t.wait(other)
        assert screen.index(user) < screen.index(other)
        assert "q quit" in screen and "2 pop3" in screen
        # All within 80 columns; nothing wrapped.
        assert sum(user in line for line in screen.splitlines()) == 1
        t.keys("r")
        t.wait("account, back")
        screen = t.screen()
        assert screen.index(user) > screen.index(other)
        t.keys("s")
        t.wait("sort (peer, back)")
        t.keys("Down")
        t.wait("2 of 2")
    # Both are gone with the next picture.
    t.wait("0 of 0")
    t.keys("q")
    screen = t.wait("ended with 0")
    # The screen is as it was before, and typing shows again.
    assert "WHAT" not in screen


def test_top_takes_a_server_that_ends(new_office, terminal):
    office = new_office()
    t = terminal(office.command("top", "-c", office.config, "-i", "1"))
    t.wait("0 of 0")
    office.stop()
    t.wait("ended with 11")
