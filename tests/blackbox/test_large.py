"""A huge maildrop and a huge message, served in small fixed memory.

Short by default. At full size, 1,000,000 messages and a message of 2 GB:

    YUBIN_MESSAGES=1000000 YUBIN_OCTETS=2145000000 \\
        python3 -m pytest tests/blackbox/test_large.py
"""
import contextlib
import hashlib
import os
import shutil
import sqlite3
import subprocess
import threading
import time

import pytest

from post_office import BINARY, PATIENCE, SANITIZED, strip_trace

FILL = os.path.join(os.path.dirname(BINARY), "tests/fill_maildrop")
MEGA = 1024 * 1024
MESSAGES = int(os.environ.get("YUBIN_MESSAGES",
                              "10000" if SANITIZED else "100000"))
OCTETS = int(os.environ.get("YUBIN_OCTETS",
                            "15000000" if SANITIZED else "200000000"))
FULL = MESSAGES >= 1000000
MESSAGE = b"Subject: one of many\r\n\r\nbody\r\n"
# Seconds for what has to be quick; sanitizers multiply it.
SLOW = 5 if SANITIZED else 1
# What a process may grow by and still count as fixed: the socket and TLS
# buffers, a bitmap of a bit a message, and the allocator's slack.
FIXED = (64 if SANITIZED else 4) * MEGA


def private(pid):
    """Octets of memory that are the process's own."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0


class Watch:
    """The peak growth of processes while the block runs."""

    def __init__(self, office, roles):
        self.pids = {r: office.pids(r) for r in roles}
        self.before = {p: private(p) for ps in self.pids.values() for p in ps}
        self.peak = dict(self.before)
        self.over = threading.Event()

    def look(self):
        for pid in self.before:
            self.peak[pid] = max(self.peak[pid], private(pid))

    def run(self):
        while not self.over.wait(0.02):
            self.look()

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.look()

    def grown(self, role):
        return max(self.peak[p] - self.before[p] for p in self.pids[role])


class Post:
    """A server whose alice@example.org has MESSAGES messages."""

    def __init__(self, office):
        self.office = office
        self.address = office.add_account("alice")
        path = os.path.join(office.dir, "auth/directory.db")
        with contextlib.closing(sqlite3.connect(path)) as db:
            self.id = db.execute("SELECT hex(id) FROM accounts").fetchone()[0]
        self.store = os.path.join(office.dir, "store")

    def fill(self, n):
        self.office.stop()
        owner = os.stat(self.store)
        for entry in os.listdir(self.store):
            path = os.path.join(self.store, entry)
            if os.path.isdir(path):
                shutil.rmtree(path)
        eml = os.path.join(self.office.folder, "m.eml")
        with open(eml, "wb") as f:
            f.write(MESSAGE)
        subprocess.run([FILL, self.store, self.id, "-n", str(n), eml],
                       check=True)
        for top, folders, names in os.walk(self.store):
            for entry in folders + names:
                os.chown(os.path.join(top, entry), owner.st_uid,
                         owner.st_gid)
        self.office.start()


@pytest.fixture(scope="module")
def post():
    from post_office import PostOffice
    office = PostOffice()
    try:
        office.set("workers", 1)
        office.set("message_size_max", 2145386496)
        yield Post(office)
    finally:
        office.close()


def count_lines(c, check):
    """Reads a multi-line answer line by line in little memory; how many."""
    n, rest = 0, c.buffer
    c.buffer = b""
    while True:
        lines = rest.split(b"\r\n")
        rest = lines.pop()
        for at, line in enumerate(lines):
            if line == b".":
                c.buffer = b"\r\n".join(lines[at + 1:] + [rest])
                return n
            n += 1
            check(n, line)
        more = c.sock.recv(256 * 1024)
        assert more
        rest += more


def dele(c, numbers):
    """DELE by DELE, pipelined, each answered +OK."""
    def send():
        for at in range(0, len(numbers), 5000):
            c.say(b"".join(b"DELE %d\r\n" % n for n in numbers[at:at + 5000]))

    sender = threading.Thread(target=send)
    sender.start()
    got, want, tail = 0, b"+OK deleted\r\n", b""
    while got < len(numbers):
        data = tail + c.sock.recv(256 * 1024)
        whole = len(data) // len(want)
        assert data[:whole * len(want)] == want * whole, data[:200]
        tail = data[whole * len(want):]
        got += whole
    sender.join()
    assert tail == b""


def test_million(post):
    """LIST and UIDL of all, DELE of every other (the worst case for ranges)
    and of all, QUIT within 10 s (threat 21)."""
    office = post.office
    post.fill(MESSAGES)
    octets = len(MESSAGE)
    # The first login reads the mailbox and makes its listing.
    with office.pop3(post.address) as c:
        assert c.stat() == (MESSAGES, MESSAGES * octets)
    seen = set()

    def check_list(n, line):
        assert line == b"%d %d" % (n, octets)

    def check_uidl(n, line):
        number, uidl = line.split(b" ")
        assert int(number) == n and len(uidl) == 26
        seen.add(uidl)

    with Watch(office, ["worker", "store"]) as watch:
        with office.pop3(post.address) as c:
            c.ask(b"LIST")
            assert count_lines(c, check_list) == MESSAGES
            c.ask(b"UIDL")
            assert count_lines(c, check_uidl) == MESSAGES
            assert len(seen) == MESSAGES
            assert c.retr(MESSAGES) == MESSAGE
            dele(c, range(1, MESSAGES + 1, 2))
            assert c.stat() == (MESSAGES // 2, MESSAGES // 2 * octets)
            c.ask(b"UIDL")
            left = []
            assert count_lines(c, lambda _, line: left.append(
                line.split(b" ")[1])) == MESSAGES // 2
        others = [office.pop3(post.address) for _ in range(10)]
        for other in others:
            assert other.stat()[0] == MESSAGES
            other.close()
    assert watch.grown("worker") < FIXED
    assert watch.grown("store") < FIXED
    with office.pop3(post.address) as c:
        dele(c, range(1, MESSAGES + 1, 2))
        with Watch(office, ["worker"]) as watch:
            began = time.monotonic()
            c.ask(b"QUIT")
            assert time.monotonic() - began < 10 * SLOW
        assert watch.grown("worker") < FIXED
    with office.pop3(post.address) as c:
        assert c.uidl() == left
        dele(c, range(1, MESSAGES // 2 + 1))
        assert c.stat() == (0, 0)
        c.ask(b"UIDL 1", b"-ERR")
        began = time.monotonic()
        c.ask(b"QUIT")
        assert time.monotonic() - began < 10 * SLOW
    with office.pop3(post.address) as c:
        assert c.stat() == (0, 0)


@pytest.mark.parametrize("delay", [0, 0.002, 0.02])
def test_kill_in_quit(post, delay):
    """Threat 21: the store dies while QUIT works: all deleted, or none."""
    office = post.office
    n = MESSAGES // 10
    post.fill(n)
    with office.pop3(post.address) as c:
        dele(c, range(2, n + 1, 2))
        store = office.pids("store")[0]
        office.expects_deaths = True
        c.say(b"QUIT\r\n")
        time.sleep(delay)
        office.kill(store)
        answer = c.line()
    office.wait_all_ready()
    with office.pop3(post.address) as c:
        left = c.stat()[0]
    office.expects_deaths = False
    office.checked = len(office.log().encode())
    assert left in (n, n // 2)
    if answer.startswith(b"+OK"):
        assert left == n // 2


def chunks(total):
    """About `total` octets of lines, 64 KB at a time."""
    line = b"0123456789abcdef" * 4 + b"\r\n"
    block = line * 1000
    for at in range(0, total, len(block)):
        yield b"%016d\r\n" % at + block[18:]


def send_large(c, address, total):
    digest = hashlib.sha256()
    c.smtp_ask(b"MAIL FROM:<a@example.net>")
    c.smtp_ask(b"RCPT TO:<%s>" % address.encode())
    c.smtp_ask(b"DATA", b"354")
    c.say(b"Subject: large\r\n\r\n")
    for block in chunks(total):
        digest.update(block)
        c.say(block)
    c.say(b".\r\n")
    c.reply(b"250")
    return digest.hexdigest()


def receive_large(c, octets):
    """The sum of the body behind its header, which has to be so long."""
    head = b""
    while b"\r\n\r\n" not in head:
        c.fill()
        head += c.buffer
        c.buffer = b""
    header, body = head.split(b"\r\n\r\n", 1)
    left = octets - len(header) - 4
    digest = hashlib.sha256()
    assert strip_trace(header + b"\r\n\r\n") == b"Subject: large\r\n\r\n"
    while left > 0:
        digest.update(body[:left])
        left -= len(body[:left])
        c.buffer = body if left == 0 else b""
        body = b"" if left == 0 else c.sock.recv(MEGA)
        if left > 0:
            assert body
            if len(body) > left:
                digest.update(body[:left])
                c.buffer = body[left:]
                left = 0
    while not c.buffer.endswith(b".\r\n"):
        c.fill()
    assert c.buffer == b".\r\n"
    c.buffer = b""
    return digest.hexdigest()


@pytest.mark.slow
def test_large_message(post):
    """2 GB in by LMTP, out by RETR, TLS and TOP, in fixed memory."""
    office = post.office
    office.stop()
    address = office.add_account("large")
    office.start()
    with office.pop3(address) as c:
        c.ask(b"NOOP")
    with Watch(office, ["worker", "store"]) as watch:
        with office.lmtp() as c:
            c.sock.settimeout(PATIENCE * (10 if FULL else 1))
            want = send_large(c, address, OCTETS)
        for tls, command in ((False, b"RETR 1"), (True, b"RETR 1"),
                             (False, b"TOP 1 99999999")):
            with office.pop3(address, tls=tls) as c:
                octets = int(c.ask(b"LIST 1").split()[2])
                assert octets >= OCTETS
                c.sock.settimeout(PATIENCE * (10 if FULL else 1))
                c.ask(command)
                assert receive_large(c, octets) == want
    assert watch.grown("worker") < FIXED
    assert watch.grown("store") < FIXED
    with office.pop3(address) as c:
        c.ask(b"DELE 1")
        c.ask(b"QUIT")
