"""Clocks that jump (threat 32), and time that passes (threat 5), without the
waiting: tests/tools/clock_shim.c turns the clocks under a whole server."""
import mmap
import os
import struct
import time

import pytest

from post_office import BINARY, PASSWORD, SANITIZED, next_source

# Beside the program, or one up for a program with a fault (tests/mutants).
HERE = os.path.dirname(BINARY)
SHIM = next((path for path in (
    os.path.join(HERE, "tests/libclock_shim.so"),
    os.path.join(os.path.dirname(HERE), "tests/libclock_shim.so"))
    if os.path.exists(path)), "")
YEAR_NS = 365 * 86400 * 10 ** 9

pytestmark = [
    pytest.mark.skipif(SANITIZED, reason="ASan wants to be loaded first"),
    pytest.mark.skipif(SHIM == "", reason="it was built without tests"),
]


class Clock:
    """The clocks of one server."""

    def __init__(self, path):
        path.write_bytes(bytes(16))
        path.chmod(0o644)
        path.parent.chmod(0o755)
        with open(path, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 16)

    def day(self, ns):
        self.page[:8] = struct.pack("=q", ns)

    def forward(self, seconds):
        self.page[8:] = struct.pack("=q", int(seconds * 10 ** 9))


@pytest.fixture
def turned(new_office, tmp_path_factory):
    """(server, its clock)."""
    path = tmp_path_factory.mktemp("clock") / "offsets"
    for folder in path.parents:
        if os.access(folder, os.W_OK) and folder != folder.parent and \
                os.stat(folder).st_uid == os.getuid() and folder.name != "tmp":
            folder.chmod(folder.stat().st_mode | 0o011)
    clock = Clock(path)
    office = new_office(start=False)
    plain = office.command
    office.command = lambda *args: [
        "env", f"LD_PRELOAD={SHIM}", f"YUBIN_TEST_CLOCK={path}", *plain(*args)]
    return office.start(), clock


def messages(c):
    return c.stat()[0]


@pytest.mark.parametrize("years", [10, -10])
def test_the_day_jumps(turned, years):
    """Threat 32: nobody is thrown out, kept out, or loses mail."""
    office, clock = turned
    user = office.add_account()
    for n in range(3):
        office.deliver(user, b"Subject: %d\r\n\r\nx\r\n" % n)
    with office.pop3(user) as c:
        c.ask(b"DELE 1")
        c.ask(b"QUIT")
    before_login = office.pop3()
    session = office.pop3(user)
    with office.smtp() as sender:
        sender.smtp_ask(b"MAIL FROM:<a@b.example>")
        source = next_source()
        with office.pop3(source=source) as guesser:
            guesser.ask(b"USER " + user.encode())
            guesser.ask(b"PASS wrong", b"-ERR")
        clock.day(years * YEAR_NS)
        time.sleep(1.2)  # everything that happens once a second
        assert messages(session) == 2
        before_login.ask(b"USER " + user.encode())
        before_login.ask(b"PASS " + PASSWORD.encode())
        assert messages(before_login) == 2
        sender.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
        sender.smtp_ask(b"DATA", b"354")
        sender.smtp_ask(b"Subject: new\r\n\r\nx\r\n.", b"250")
    with office.pop3(user) as c:
        assert messages(c) == 3
        assert c.ask(b"UIDL 3")
    # What was guessed is not forgotten, nor held for ever.
    begun = time.monotonic()
    with office.pop3(source=source) as guesser:
        guesser.ask(b"USER " + user.encode())
        guesser.ask(b"PASS wrong", b"-ERR")
    assert 0.9 < time.monotonic() - begun < 10  # the second waits a second
    # Deleted mail is there for its seven days.
    office.run("compact", "--all")
    office.run("mail", "undelete", user, "--all")
    assert b"1" in office.run("status").stdout
    with office.pop3(user) as c:
        assert messages(c) == 4
    clock.day(0)
    with office.pop3(user) as c:
        assert messages(c) == 4
        c.ask(b"QUIT")
    session.ask(b"QUIT")
    # The process that holds what is counted and kept starts with it as well.
    clock.day(years * YEAR_NS)
    office.expects_deaths = True
    for role in ("auth", "store"):
        office.kill(office.pids(role)[0])
        office.wait_all_ready()
    with office.pop3(user) as c:
        assert messages(c) == 4


def test_half_a_handshake_ends(turned):
    """Threat 5: whoever begins TLS and does not go on has 30 seconds."""
    office, clock = turned
    half = office.pop3()
    half.ask(b"STLS")
    half.sock.sendall(b"\x16\x03\x01\x02\x00\x01")
    whole = office.pop3(tls=True)
    clock.forward(25)
    office.pop3().close()
    half.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        half.sock.recv(1)
    clock.forward(31)
    half.sock.settimeout(10)
    assert half.sock.recv(1) == b""
    whole.ask(b"QUIT")


def test_who_does_not_log_in_is_ended(turned):
    """Threat 27: however busy it is, within three minutes in all."""
    office, clock = turned
    c = office.pop3()
    for seconds in range(0, 180, 30):
        clock.forward(seconds)
        c.ask(b"CAPA")
        c.multi()
    clock.forward(181)
    c.sock.settimeout(10)
    assert c.sock.recv(1) == b""


def test_an_octet_a_second_is_too_slow(turned):
    """Threat 29: two minutes in which hardly anything is taken."""
    office, clock = turned
    user = office.add_account()
    office.deliver(user, b"Subject: x\r\n\r\n" + b"y" * 78 * 1000 * 200 +
                   b"\r\n")
    with office.pop3(user, rcvbuf=4096) as slow, \
            office.pop3(user, rcvbuf=4096) as steady:
        for c in (slow, steady):
            c.say(b"RETR 1\r\n")
            assert c.sock.recv(1000)
        for seconds in (70, 130, 190):
            clock.forward(seconds)
            for _ in range(64):  # slow, and allowed
                assert steady.sock.recv(4096)
            time.sleep(1.2)
        office.wait_log("client reads too slowly")
        assert steady.sock.recv(4096)


def test_who_says_nothing_is_ended(turned):
    """Threat 24: ten minutes, and nothing is deleted without QUIT."""
    office, clock = turned
    user = office.add_account()
    office.deliver(user, b"Subject: x\r\n\r\nx\r\n")
    with office.pop3(user) as c:
        c.ask(b"DELE 1")
        clock.forward(590)
        c.ask(b"NOOP")
        clock.forward(590 + 601)
        c.sock.settimeout(10)
        assert c.sock.recv(1) == b""
    with office.pop3(user) as c:
        assert messages(c) == 1
