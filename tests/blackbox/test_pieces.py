"""
Commands that come in pieces: lines, TLS records and packets end where they
like, and what is asked next comes while the server still waits for an answer
from inside. Whatever the cuts, all that was asked is answered, and at once:
a client that waits for an answer sends nothing that would wake anybody.
"""
import random
import socket
import ssl
import threading
import time

import pytest

from post_office import PASSWORD, PATIENCE, next_source

SESSIONS = 160
HANDS = 4
MAIL = [b"Subject: %d\r\n\r\n%b" % (n, b"line\r\n" * 40 * n)
        for n in range(5)]


class Pieces:
    """A client that decides where its records and its packets end."""

    def __init__(self, office, tls, rng):
        self.rng = rng
        self.sock = socket.socket()
        self.sock.settimeout(PATIENCE)
        self.sock.bind((next_source(), 0))
        self.sock.connect(("127.0.0.1", office.pop3s_port if tls
                           else office.pop3_port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = None
        if not tls:
            return
        self.came, self.goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = office.tls_context().wrap_bio(
            self.came, self.goes, server_hostname="localhost")
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.sock.sendall(self.goes.read())
                self.came.write(self.sock.recv(65536))

    def cut(self, octets, most):
        while octets:
            n = self.rng.randrange(1, most)
            yield octets[:n]
            octets = octets[n:]

    def packets(self, octets):
        if not self.tls:
            yield from self.cut(octets, 60)
            return
        records = []
        for part in self.cut(octets, 40):
            self.tls.write(part)
            records.append(self.goes.read())
        if self.rng.random() < 0.3:
            yield from self.cut(b"".join(records), 400)
            return
        # As programs send them: packets end where records do.
        while records:
            n = self.rng.randrange(1, 4)
            yield b"".join(records[:n])
            records = records[n:]

    def say(self, octets):
        for packet in self.packets(octets):
            self.sock.sendall(packet)
            time.sleep(self.rng.choice([0, 0, 0.0002, 0.0005, 0.002]))

    def rest(self):
        found = b""
        while True:
            octets = self.sock.recv(1 << 18)
            if not self.tls:
                found += octets
            if not octets and not self.tls:
                return found
            if not self.tls:
                continue
            if octets:
                self.came.write(octets)
            else:
                self.came.write_eof()
            try:
                while True:
                    more = self.tls.read(1 << 18)
                    if not more:
                        return found
                    found += more
            except ssl.SSLWantReadError:
                pass

    def close(self):
        self.sock.close()


def commands(rng, user):
    said = [b"USER " + user, b"PASS " + PASSWORD.encode()]
    # Short ones end while the login or the first message is asked for.
    for _ in range(rng.choice([0, 1, 1, 2, 12])):
        said.append(rng.choice([
            b"STAT", b"LIST", b"UIDL", b"NOOP", b"NOPE",
            b"RETR %d" % rng.randrange(1, 7),
            b"TOP %d 3" % rng.randrange(1, 6)]))
    return b"\r\n".join(said + [b"QUIT", b""])


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "pop3s"])
def test_whatever_the_cuts(office, user, tls):
    for body in MAIL:
        office.deliver(user, body)
    failures = []

    def one(rng):
        said = commands(rng, user.encode())
        with office.pop3() as c:
            c.say(said)
            wanted = c.rest()
        c = Pieces(office, tls, rng)
        try:
            c.say(said)
            got = c.rest()
        except OSError as e:
            got = repr(e).encode()
        finally:
            c.close()
        # `wanted` lacks the greeting, which was read before.
        if not wanted or not got.endswith(wanted):
            failures.append((said, got[-300:], wanted[-300:]))

    def many(seed):
        rng = random.Random(seed)
        for _ in range(SESSIONS // HANDS):
            if not failures:
                one(rng)

    threads = [threading.Thread(target=many, args=(n,)) for n in range(HANDS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures[0]
