"""SCRAM-SHA-256 and -PLUS: RFC 5802, 7677, 5929, 9266, over RFC 5034."""
import contextlib
import os
import random
import socket
import subprocess
import threading
import time

import pytest
from OpenSSL import SSL

from post_office import (PASSWORD, SANITIZED, Closed, Failure, Line,
                         next_source)
from scram import Scram, b64, challenge, login

ABORTS = int(os.environ.get("YUBIN_ABORTS", "400" if SANITIZED else "10000"))

DENIED = b"-ERR [AUTH] wrong name or password"


def exchange(office, user, password=PASSWORD, tls=True, **how):
    with office.pop3(tls=tls) as c:
        s = Scram(user, password, **how)
        answer, error = login(c, s)
        if answer.startswith(b"+OK"):
            c.stat()
        return answer, error, s


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("end", [b"", b"="])
@pytest.mark.parametrize("tls", [True, False])
def test_login(office, user, initial, end, tls):
    with office.pop3(tls=tls) as c:
        answer, error = login(c, Scram(user, PASSWORD), initial=initial,
                              end=end)
        assert answer.startswith(b"+OK ") and error is None
        c.stat()


def test_names(office, user):
    for name, header in ((user.upper(), b"n,,"),
                         (user, b"n,a=" + user.encode() + b","),
                         (user, b"n,a=" + user.upper().encode() + b",")):
        assert exchange(office, name, header=header)[0].startswith(b"+OK")
    # Nobody may act as somebody else, and it is told like a wrong password.
    other = office.add_account()
    answer, error, _ = exchange(office, user,
                                header=b"n,a=" + other.encode() + b",")
    assert (answer, error) == (DENIED, b"e=invalid-proof")
    word = office.add_account("scramword", "pässwörd")
    assert exchange(office, word, "pässwörd")[0].startswith(b"+OK")


def test_nobody_is_like_somebody(office, user):
    # Threat 8: same messages, same lengths, whatever was wrong.
    seen = set()
    for name, word in ((user, "wrong"), ("none@example.org", PASSWORD),
                       ("none@else.where", PASSWORD), ("../x", "x"),
                       ("%u", "%s"), ("a" * 200, "x"), (user + "x", "")):
        answer, error, s = exchange(office, name, word)
        seen.add((answer, error, len(s.salt), s.iterations,
                  len(s.server_first)))
    assert seen == {(DENIED, b"e=invalid-proof", 16, 100000,
                     len(s.server_first))}
    # The salt of a name stays, and differs from that of another.
    salts = {n: {exchange(office, n, "x")[2].salt for _ in range(2)}
             for n in ("none@example.org", "nemo@example.org", user)}
    assert all(len(s) == 1 for s in salts.values())
    assert len(set.union(*salts.values())) == 3


def test_mangled_proofs(office, user):
    good = None
    with office.pop3(tls=True) as c:
        s = Scram(user, PASSWORD)
        assert login(c, s)[0].startswith(b"+OK")
        good = s.proof
    for proof in (good, bytes(32), good[::-1], b"\xff" * 32):
        with office.pop3(tls=True) as c:
            assert login(c, Scram(user, PASSWORD), proof=proof) == \
                (DENIED, b"e=invalid-proof")
    # The very same client's messages again: the server's nonce differs.
    with office.pop3(tls=True) as c:
        again = Scram(user, PASSWORD, nonce=s.nonce)
        answer = c.ask(b"AUTH SCRAM-SHA-256 " + b64(again.first), b"+ ")
        assert challenge(answer) != s.server_first
        c.ask(b64(s.final(s.server_first)), b"+ ")
        c.ask(b"", b"-ERR")
    for lies, error in (({"r": b"x"}, b"e=other-error"),
                        ({"c": b"eSws"}, b"e=channel-bindings-dont-match"),
                        ({"ext": b",m=x"}, b"e=extensions-not-supported"),
                        ({"ext": b",n=x"}, b"e=invalid-encoding")):
        with office.pop3(tls=True) as c:
            answer, said = login(c, Scram(user, PASSWORD), **lies)
            assert answer.startswith(b"-ERR") and said == error


@pytest.mark.parametrize("first,error", [
    (b"n,,m=x,n=%s,r=abc", b"e=extensions-not-supported"),
    (b"n,,n=%s=,r=abc", b"e=invalid-username-encoding"),
    (b"n,,r=abc,n=%s", b"e=invalid-encoding"),
    (b"n,,n=%s,r=abc\0", b"e=invalid-encoding"),
    (b"p=tls-unique,,n=%s,r=abc", b"e=channel-binding-not-supported"),
    # Section 6: -PLUS was offered, and the client did not see it.
    (b"y,,n=%s,r=abc", b"e=server-does-support-channel-binding"),
])
def test_first_messages_are_looked_at(office, user, first, error):
    with office.pop3(tls=True) as c:
        answer = c.ask(b"AUTH SCRAM-SHA-256 " +
                       b64(first % user.encode()), b"+ ")
        assert challenge(answer) == error
        # Whatever the client says to that, it has failed.
        c.ask(b"*", b"-ERR")
        c.ask(b"NOOP", b"-ERR")
        assert login(c, Scram(user, PASSWORD))[0].startswith(b"+OK")


def test_three_failures_end_it(office, user):
    with office.pop3(tls=True) as c:
        for _ in range(3):
            answer, error = login(c, Scram(user, "wrong"), end=b"*")
            assert answer == DENIED
        with pytest.raises((Closed, OSError)):
            c.ask(b"CAPA")


def test_random_octets(office, user):
    for n in (0, 1, 3, 30, 300, 3000):
        with office.pop3(tls=True) as c:
            c.ask(b"AUTH SCRAM-SHA-256", b"+ ")
            c.say(b64(os.urandom(n)) + b"\r\n")
            if n < 2000:
                assert challenge(c.line()) == b"e=invalid-encoding"
                c.say(b"\r\n")
            c.expect(b"-ERR malformed response")
            assert login(c, Scram(user, PASSWORD))[0].startswith(b"+OK")


# ---- channel bindings ----

class Bound(Line):
    """A Line over an OpenSSL connection that lets its keys be exported."""

    def __init__(self, office, version, alpn=None):
        s = socket.socket()
        s.bind((next_source(), 0))
        s.connect(("127.0.0.1", office.pop3s_port))
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        self.sock = SSL.Connection(context, s)
        self.sock.set_connect_state()
        self.sock.do_handshake()
        self.buffer = b""
        self.expect(b"+OK ")

    def bindings(self):
        der = self.sock.get_peer_certificate()
        # Our certificates are signed with SHA-256.
        point = bytes.fromhex(der.digest("sha256").decode().replace(":", ""))
        return {b"tls-server-end-point": point,
                b"tls-exporter": self.sock.export_keying_material(
                    b"EXPORTER-Channel-Binding", 32, b"")}


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
@pytest.mark.parametrize("kind", [b"tls-exporter", b"tls-server-end-point"])
def test_plus(office, user, version, kind):
    with Bound(office, version) as c:
        data = c.bindings()[kind]
        header = b"p=" + kind + b",,"
        lie = Scram(user, PASSWORD, header, bytes(32))
        assert login(c, lie, b"SCRAM-SHA-256-PLUS") == \
            (DENIED, b"e=channel-bindings-dont-match")
        good = Scram(user, PASSWORD, header, data)
        answer, _ = login(c, good, b"SCRAM-SHA-256-PLUS")
        assert answer.startswith(b"+OK"), answer
        c.stat()


def test_plus_of_another_connection(office, user):
    # What a relay in the middle would do.
    with Bound(office, SSL.TLS1_3_VERSION) as a, \
            Bound(office, SSL.TLS1_3_VERSION) as b:
        data = a.bindings()[b"tls-exporter"]
        assert data != b.bindings()[b"tls-exporter"]
        s = Scram(user, PASSWORD, b"p=tls-exporter,,", data)
        assert login(b, s, b"SCRAM-SHA-256-PLUS") == \
            (DENIED, b"e=channel-bindings-dont-match")


@pytest.mark.parametrize("header,error", [
    (b"p=tls-unique,,", b"e=unsupported-channel-binding-type"),
    (b"n,,", b"e=channel-bindings-dont-match"),
    (b"y,,", b"e=channel-bindings-dont-match")])
def test_plus_with_other_bindings(office, user, header, error):
    with office.pop3(tls=True) as c:
        assert login(c, Scram(user, PASSWORD, header),
                     b"SCRAM-SHA-256-PLUS") == (DENIED, error)


def test_plus_needs_tls(office, user):
    with office.pop3() as c:
        c.ask(b"AUTH SCRAM-SHA-256-PLUS", b"-ERR mechanism not offered")
        # No TLS, no -PLUS: "y" is right.
        assert login(c, Scram(user, PASSWORD, b"y,,"))[0].startswith(b"+OK")


# ---- others' clients ----

def test_gsasl(office, user):
    """GNU SASL's own program as the client, by hand over POP3."""
    with office.pop3(tls=True) as c:
        p = subprocess.Popen(
            ["gsasl", "--client", "--mechanism=SCRAM-SHA-256",
             f"--authentication-id={user}", f"--password={PASSWORD}",
             "--authorization-id=", "--no-cb"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        try:
            assert p.stdout.readline() == b"SCRAM-SHA-256\n"
            c.ask(b"AUTH SCRAM-SHA-256", b"+ ")
            for start in (b"+ ", b"+ "):
                line = p.stdout.readline().strip()
                answer = c.ask(line, start)
                p.stdin.write(answer[2:] + b"\n")
                p.stdin.flush()
            c.ask(b"")
            c.stat()
        finally:
            told = p.communicate(timeout=20)[1]
        # It has looked at the server's proof, and misses the mail only.
        assert b"mechanism error" not in told, told


# ---- beside passwords ----

def test_scram_passes_the_hashing_pool(office, user):
    # Issued by many addresses: each guess wants a hash of its own.
    s = Scram(user, PASSWORD)
    with office.pop3(tls=True) as c:
        login(c, s)  # its salt and our hash are known now
    guessers = [office.pop3(source=f"127.222.{i}.1") for i in range(60)]
    for i, g in enumerate(guessers):
        # Not one password, which would be held back as spraying.
        g.say(b"USER nobody%d\r\nPASS x%d\r\n" % (i, i))
    began = time.monotonic()
    with office.pop3() as c:
        fast = Scram(user, PASSWORD)
        first = challenge(c.ask(b"AUTH SCRAM-SHA-256 " + b64(fast.first),
                                b"+ "))
        before = time.monotonic()
        final = fast.final(first)
        ours = time.monotonic() - before
        fast.check(challenge(c.ask(b64(final), b"+ ")))
        c.ask(b"")
        took = time.monotonic() - began - ours
    # Sixty hashes on two cores take about a second, and more here.
    began = time.monotonic()
    for g in guessers:
        g.expect(b"+OK")
        g.expect(b"-ERR")
        g.close()
    assert took < time.monotonic() - began or took < 0.2


def private(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) * 1024 for line in f
                    if line.startswith("RssAnon:"))


def test_aborts_leave_nothing(office, user):
    """Threat 10: a client that begins again and again, on one connection; a
    million times where YUBIN_ABORTS says so. Auth takes 8192 exchanges of a
    worker at a time: it has to hear of each end."""
    # Answers of SCRAM wait for a tick.
    begins = [b"AUTH SCRAM-SHA-256 " + b64(Scram(user, "x").first)] + \
        [b"AUTH LOGIN " + b64(user.encode())] * 199
    block = b"".join(b + b"\r\n*\r\n" for b in begins)
    with office.pop3(tls=True) as c:
        pids = office.pids("worker") + office.pids("auth")
        for n in range(-2, ABORTS // 200):
            if n == 0:
                before = {p: private(p) for p in pids}
            c.say(block)
            for _ in range(200):
                c.expect(b"+ ")
                c.expect(b"-ERR cancelled")
        if not SANITIZED:  # they keep what was freed
            for p in pids:
                assert private(p) - before[p] < 1 << 20
        assert login(c, Scram(user, PASSWORD))[0].startswith(b"+OK")


# What no mechanism understands: no base64, too little, too much, nothing.
MALFORMED = [b"!", b"=", b"AA=A", b"\xff", b"A" * 12000, b"A" * 13000, b"",
             b64(b""), b64(b"\0\0"), b64(b"\0" * 5000), b64(b"n,,n=,r="),
             b64(b"n,a=" + b"," * 900), b64(b"\xff\xfe"), b64(b"\1"),
             b64(b"auth=Bearer \1\1")]


def test_malformed_sasl_hurts_nobody(office, user):
    """Threat 10: bad base64 of one client cut the logins of all others."""
    pids = office.pids("worker") + office.pids("auth")
    fresh = [office.add_account() for _ in range(3)]
    over, answered, wrong = threading.Event(), [], []

    def break_it(c):
        for bad in MALFORMED:
            c.ask(b"AUTH " + random.choice([b"PLAIN", b"LOGIN",
                                            b"SCRAM-SHA-256"]), b"+ ")
            c.say(bad + b"\r\n")
            answer = c.line()
            while answer.startswith(b"+ "):
                c.say(b"\xff\r\n")
                answer = c.line()
            if not answer.startswith(b"-ERR ") or b"[SYS" in answer:
                wrong.append((bad, answer))
            answered.append(bad)

    def go_on():
        while not over.is_set() and not wrong:
            try:
                with office.pop3() as c:
                    break_it(c)
            except Closed:  # after so many mistakes
                continue
            except (Failure, OSError) as e:
                wrong.append(e)

    threads = [threading.Thread(target=go_on) for _ in range(2)]
    for t in threads:
        t.start()
    try:
        while not answered and not wrong:
            time.sleep(0.01)
        # Some wait for a hash, some are quick.
        slow = [office.pop3() for _ in fresh]
        for name, c in zip(fresh, slow):
            c.say(b"AUTH PLAIN " + b64(b"\0%s\0%s" % (
                name.encode(), PASSWORD.encode())) + b"\r\n")
        for _ in range(20 if SANITIZED else 100):
            office.pop3(user).close()
        for c in slow:
            c.expect(b"+OK")
            c.close()
        while len(answered) < 5 * len(MALFORMED) and not wrong:
            time.sleep(0.01)
    finally:
        over.set()
        for t in threads:
            t.join()
    assert wrong == []
    assert office.pids("worker") + office.pids("auth") == pids


def test_changed_in_the_middle(office):
    # The password is changed between the server's proof and its +OK.
    user = office.add_account()
    with office.pop3(tls=True) as c:
        s = Scram(user, PASSWORD)
        first = challenge(c.ask(b"AUTH SCRAM-SHA-256 " + b64(s.first), b"+ "))
        s.check(challenge(c.ask(b64(s.final(first)), b"+ ")))
        office.run("account", "password", user)
        assert c.ask(b"", b"-ERR") == DENIED
