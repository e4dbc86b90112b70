"""No input makes a process exit, and none costs without bound."""
import random
import socket
import threading
import time

import pytest

from post_office import PASSWORD, SANITIZED, Closed, Line

MEGA = 1024 * 1024


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def drain(c, seconds=2):
    """What the server still says, until it closes or falls silent."""
    c.sock.settimeout(seconds)
    data = c.buffer
    c.buffer = b""
    try:
        while more := c.sock.recv(65536):
            data += more
    except TimeoutError:
        return data, False
    except (ConnectionResetError, BrokenPipeError):
        pass
    return data, True


def push(c, octets):
    try:
        c.say(octets)
        return True
    except (BrokenPipeError, ConnectionResetError):
        return False


@pytest.fixture
def pids(office):
    before = [(p["role"], p["pid"]) for p in office.status()["processes"]]
    yield before
    after = [(p["role"], p["pid"]) for p in office.status()["processes"]]
    assert after == before, "a process ended"


# ---- one bad line, one answer, and the session goes on ----

POP3_BAD = [
    b"", b" ", b"  ", b"X", b"XXXX", b"RETRIEVE 1", b"RETR", b"RETR  1",
    b"RETR 1 2", b" RETR 1", b"RETR 1 ", b"RETR x", b"RETR -1", b"RETR +1",
    b"RETR 0", b"RETR 01", b"RETR 4294967297", b"RETR 18446744073709551617",
    b"RETR " + b"9" * 200, b"RETR 1\t", b"RETR\t1", b"RETR 1.0", b"RETR 0x1",
    b"RETR 1e0", b"LIST 0", b"LIST -1", b"LIST 4294967297", b"UIDL 0",
    b"UIDL x", b"TOP", b"TOP 1", b"TOP 1 -1", b"TOP 1 x", b"TOP 1 1 1",
    b"TOP x 1", b"DELE", b"DELE 0", b"DELE x", b"STAT 1", b"NOOP 1",
    b"RSET 1", b"QUIT 1", b"CAPA 1", b"USER x", b"PASS x", b"AUTH PLAIN",
    b"STLS", b"\xff\xfe", b"RETR \xff", b"R\xc3\x89TR 1", b"a\rb",
    b"\r", b"RETR 1\r", b"%s%n", b"x" * 252, b"x" * 253, b"x" * 1000,
    b"x" * 60000,
]


def test_pop3_bad_lines(office, user, pids):
    office.deliver(user, b"Subject: x\r\n\r\n")
    with office.pop3(user) as c:
        for bad in POP3_BAD:
            c.say(bad + b"\r\n")
            answer = c.line()
            assert answer.startswith(b"-ERR "), (bad, answer)
            # Threat 16: exactly one answer a line.
            assert c.ask(b"STAT").startswith(b"+OK 1 "), bad


def test_pop3_bad_lines_before_the_login(office, pids):
    for bad in POP3_BAD + [b"RETR 1", b"STAT", b"LIST", b"DELE 1", b"RSET",
                           b"NOOP", b"TOP 1 1", b"UIDL", b"USER", b"PASS",
                           b"PASS x", b"AUTH NONE", b"AUTH PLAIN !",
                           b"AUTH PLAIN x y", b"AUTH  PLAIN"]:
        if bad in (b"USER x", b"AUTH PLAIN", b"STLS"):
            continue  # good ones here
        with office.pop3() as c:
            c.say(bad + b"\r\n")
            assert c.line().startswith(b"-ERR "), bad
            c.ask(b"CAPA")
            c.multi()


SMTP_BAD = [
    b"", b" ", b"X", b"HELO", b"EHLO", b"LHLO x", b"EHLO a b", b"MAIL",
    b"MAIL FROM", b"MAIL FROM:", b"MAIL FROM:a@b.c", b"MAIL FROM:<a@b.c",
    b"MAIL FROM:<a@b.c> X=1", b"MAIL FROM:<a@b.c> SIZE=x",
    b"MAIL FROM:<a@b.c> BODY=9BIT", b"MAIL TO:<a@b.c>", b"RCPT TO:<a@b.c>",
    b"RCPT", b"DATA", b"DATA x", b"RSET x", b"QUIT x", b"STARTTLS x",
    b"VRFY", b"EXPN", b"AUTH PLAIN", b"BDAT x LAST", b"BDAT 0", b"ETRN x", b"TURN",
    b"SEND FROM:<a@b.c>", b"\xff\xfe", b"a\rb", b"x" * 2047, b"x" * 60000,
    b"MAIL FROM:<" + b"a" * 1000 + b"@b.c>", b"MAIL FROM:<a@b.c\rx>",
]


def test_smtp_bad_lines(office, user, pids):
    for make in (office.smtp, office.lmtp):
        with make() as c:
            for bad in SMTP_BAD:
                if bad == b"LHLO x" and make == office.lmtp:
                    continue
                c.say(bad + b"\r\n")
                answer = c.reply()[-1]
                assert answer[:1] == b"5", (bad, answer)
                c.smtp_ask(b"NOOP", b"250")
            c.send_mail([user], b"Subject: x\r\n\r\n", lmtp=make ==
                        office.lmtp)
    assert len(office.collect(user)) == 2


@pytest.mark.parametrize("line", [b"NOOP\0\r\n", b"\0\r\n", b"\0\0\0\n",
                                  b"USER \0x\r\n", b"MAIL FROM:<\0>\r\n"])
def test_nul_ends_the_session(office, line, pids):
    for make in (office.pop3, office.smtp, office.lmtp):
        with make() as c:
            c.say(line + b"NOOP\r\nNOOP\r\n")
            data, closed = drain(c)
            assert closed and data.count(b"\r\n") == 1
            assert data[:1] in (b"-", b"5")


@pytest.mark.parametrize("verb", [b"GET / HTTP/1.1", b"POST / HTTP/1.0",
                                  b"HEAD /x HTTP/1.1", b"PUT / HTTP/1.1",
                                  b"OPTIONS * HTTP/1.1",
                                  b"CONNECT a:1 HTTP/1.1"])
def test_http(office, verb, pids):
    # Threat 4: a browser gets nothing of its own back.
    for make in (lambda: office.pop3(), lambda: office.smtp(hello=False),
                 lambda: office.lmtp(hello=False)):
        with make() as c:
            c.say(verb + b"\r\nHost: <script>alert(1)</script>\r\n\r\n"
                  b"USER x\r\nEHLO x\r\nQUIT\r\n")
            data, closed = drain(c)
            assert closed
            assert b"script" not in data and b"HTTP" not in data
            assert data.count(b"\r\n") <= 1


def test_too_many_mistakes(office, pids):
    for make in (lambda: office.pop3(), lambda: office.smtp()):
        with make() as c:
            push(c, b"NOPE\r\n" * 500)
            data, closed = drain(c)
            assert closed and data.count(b"\r\n") < 60


# ---- what is too long ----

@pytest.mark.parametrize("chunk", [b"x", b"\xff", b" ", b"USER x "])
@pytest.mark.parametrize("state", ["fresh", "sasl", "logged in", "smtp",
                                   "mail"])
def test_endless_line(office, user, chunk, state, pids):
    # Threat 16: RSS + 0, closed, and no more than one answer.
    workers = office.pids("worker")
    if state in ("smtp", "mail"):
        c = office.smtp()
        if state == "mail":
            c.smtp_ask(b"MAIL FROM:<a@b.c>")
    else:
        c = office.pop3(user if state == "logged in" else None)
        if state == "sasl":
            c.ask(b"AUTH PLAIN", b"+ ")
    before = {p: rss(p) for p in workers}
    block = chunk * (MEGA // len(chunk))
    with c:
        for _ in range(40):
            if not push(c, block):
                break
        else:
            raise AssertionError("it read 40 MB of one line")
        data, closed = drain(c)
        assert closed and data.count(b"\n") <= 2
    for pid in workers:
        assert rss(pid) < before[pid] + 8 * MEGA


def test_octet_flood_of_short_lines(office, pids):
    """A million empty commands: each is answered or the session ends."""
    with office.pop3() as c:
        for _ in range(20):
            if not push(c, b"\r\n" * 50000):
                break
        data, closed = drain(c)
        assert closed


def test_pipelining_without_reading(office, user, pids):
    # Threat 19: output is bounded, whoever does not read it.
    office.deliver(user, b"x" * 100000 + b"\r\n")
    workers = office.pids("worker")
    before = sum(rss(p) for p in workers)
    stuck = [office.pop3(user, rcvbuf=4096) for _ in range(30)]
    for c in stuck:
        c.sock.setblocking(False)
        try:
            for _ in range(200):
                c.sock.send(b"RETR 1\r\n" * 1000)
        except BlockingIOError:
            pass
    with office.pop3(user) as c:
        c.retr(1)
    grown = sum(rss(p) for p in workers) - before
    for c in stuck:
        c.close()
    assert grown < (60 if SANITIZED else 24) * MEGA


# ---- what is cut short ----

def test_hang_up_anywhere(office, user, pids):
    """A session that is cut at every octet harms nobody."""
    office.deliver(user, b"Subject: x\r\n\r\nbody\r\n")
    script = (b"CAPA\r\nUSER " + user.encode() + b"\r\nPASS " +
              PASSWORD.encode() + b"\r\nRETR 1\r\nTOP 1 0\r\nDELE 1\r\n")
    for at in range(len(script)):
        c = office.pop3()
        c.say(script[:at])
        if at % 2:
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              b"\1\0\0\0\0\0\0\0")  # a reset
        c.close()
    with office.pop3(user) as c:
        assert c.stat()[0] == 1


def test_garbage_to_tls(office, pids):
    r = random.Random(3)
    for i in range(60):
        with Line(("127.0.0.1", office.pop3s_port)) as c:
            first = b"\x16\x03\x01\x02\x00\x01\x00" if i % 2 else b""
            push(c, first + r.randbytes(r.randrange(1, 2000)))
            c.sock.settimeout(0.05)
            try:
                c.rest()
            except TimeoutError:
                pass


def test_tls_cut_anywhere(office, user, pids):
    """A proxy that cuts a good TLS session after n octets (threat 7)."""
    office.deliver(user, b"Subject: x\r\n\r\nbody\r\n")
    for limit in range(1, 2600, 37):
        listener = socket.create_server(("127.0.0.1", 0))
        server = socket.create_connection(("127.0.0.1", office.pop3s_port))

        def forward(limit=limit, listener=listener, server=server):
            client, _ = listener.accept()
            back = threading.Thread(target=pump, args=(server, client, None))
            back.start()
            pump(client, server, limit)
            back.join()

        t = threading.Thread(target=forward)
        t.start()
        try:
            with Line(listener.getsockname(), office.tls_context()) as c:
                c.expect(b"+OK")
                c.ask(b"USER " + user.encode())
                c.ask(b"PASS " + PASSWORD.encode())
                c.ask(b"DELE 1")
                c.ask(b"RSET")
        except (OSError, Closed):
            pass
        t.join()
        listener.close()
        server.close()
    with office.pop3(user) as c:
        assert c.stat()[0] == 1


def pump(source, to, limit):
    try:
        while data := source.recv(1 if limit else 65536):
            to.sendall(data)
            if limit is not None:
                limit -= len(data)
                if limit <= 0:
                    break
    except OSError:
        pass
    for s in (source, to):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


# ---- at random ----

WORDS = [b"USER", b"PASS", b"AUTH PLAIN", b"AUTH LOGIN", b"RETR", b"TOP",
         b"LIST", b"UIDL", b"DELE", b"RSET", b"STAT", b"QUIT", b"CAPA",
         b"STLS", b"NOOP", b"EHLO", b"LHLO", b"HELO", b"MAIL FROM:<",
         b"RCPT TO:<", b"DATA", b"STARTTLS", b"VRFY", b">", b"SIZE=", b" ",
         b"1", b"2", b"0", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\0",
         b".", b"*", b"=", b"AGEAYg==", b"\xff", b"x" * 300, b"secret",
         b"@example.org"]


@pytest.mark.parametrize("seed", range(4))
def test_random_sessions(office, user, seed, pids):
    r = random.Random(seed)
    office.deliver(user, b"Subject: x\r\n\r\nbody\r\n")
    words = WORDS + [user.encode()]
    good = (b"USER %s\r\nPASS secret\r\n" % user.encode(),
            b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<%s>\r\nDATA\r\n" %
            user.encode(), b"")
    end = time.monotonic() + 4
    while time.monotonic() < end:
        port = r.choice((office.pop3_port, office.smtp_port,
                         office.lmtp_port))
        with Line(("127.0.0.1", port)) as c:
            text = r.choice(good) + b"".join(
                r.choice(words) + b" " * (r.random() < 0.3)
                for _ in range(r.randrange(1, 80)))
            while text and push(c, text[:(n := r.randrange(1, 200))]):
                text = text[n:]
            if r.random() < 0.3:
                c.sock.settimeout(0.02)
                try:
                    c.sock.recv(100000)
                except OSError:
                    pass


