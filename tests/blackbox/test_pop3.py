"""Sessions of RFC 1939 and 2449 as clients hold them."""
import base64
import contextlib
import glob
import itertools
import poplib
import time

import pytest

import mailgen
from post_office import (PASSWORD, SANITIZED, Closed, Failure, strip_trace,
                         to_wire)

SMALL = [b"Subject: %d\r\n\r\nbody %d\r\n" % (i, i) for i in range(1, 6)]


@pytest.fixture
def five(office, user):
    """An account with five small messages."""
    for body in SMALL:
        office.deliver(user, body)
    return user


def bodies(c):
    return [strip_trace(c.retr(n + 1)) for n in range(c.stat()[0])]


# ---- a session, command by command ----

def test_whole_session(office, five):
    with office.pop3(five) as c:
        count, octets = c.stat()
        assert count == 5
        c.ask(b"LIST")
        sizes = [int(line.split()[1])
                 for line in c.multi().split(b"\r\n")[:-1]]
        assert sum(sizes) == octets
        for n, size in enumerate(sizes, 1):
            assert c.ask(b"LIST %d" % n) == b"+OK %d %d" % (n, size)
            assert len(c.retr(n)) == size
        assert bodies(c) == SMALL
        c.ask(b"DELE 2")
        # RFC 1939 section 5: not counted, not listed, no number changes.
        assert c.stat() == (4, octets - sizes[1])
        c.ask(b"RETR 2", b"-ERR")
        c.ask(b"LIST 2", b"-ERR")
        c.ask(b"DELE 2", b"-ERR")
        c.ask(b"LIST")
        assert [line.split()[0] for line in
                c.multi().split(b"\r\n")[:-1]] == [b"1", b"3", b"4", b"5"]
        c.ask(b"RSET")
        assert c.stat() == (5, octets)
        c.ask(b"DELE 5")
        c.ask(b"NOOP")
        c.ask(b"QUIT")
        assert c.rest() == b""
    with office.pop3(five) as c:
        assert bodies(c) == SMALL[:4]


def test_hang_up_deletes_nothing(office, five):
    with office.pop3(five) as c:
        for n in range(1, 6):
            c.ask(b"DELE %d" % n)
        assert c.stat() == (0, 0)
    with office.pop3(five) as c:
        assert c.stat()[0] == 5


def test_half_a_quit_deletes_nothing(office, five):
    # Threat 7: a partial command never runs.
    for half in (b"QUIT", b"QUIT\r", b"Q"):
        c = office.pop3(five)
        c.ask(b"DELE 1")
        c.say(half)
        c.close()
    time.sleep(0.1)
    with office.pop3(five) as c:
        assert c.stat()[0] == 5


def test_dele_all(office, five):
    count = 70  # more than a word of bits
    with office.lmtp() as c:
        for _ in range(count - 5):
            c.send_mail([five], SMALL[0])
    with office.pop3(five) as c:
        for n in range(1, count + 1):
            c.ask(b"DELE %d" % n)
            c.ask(b"DELE %d" % n, b"-ERR")  # threat 21: again
        assert c.stat() == (0, 0)
        c.ask(b"RSET")
        assert c.stat()[0] == count
        for n in range(1, count + 1):
            c.ask(b"DELE %d" % n)
        c.ask(b"QUIT")
    with office.pop3(five) as c:
        assert c.stat() == (0, 0)
        c.ask(b"LIST")
        assert c.multi() == b""


@pytest.mark.parametrize("lines", [0, 1, 2, 3, 10, 99999999, 2**40])
def test_top(office, user, lines):
    body = b"one\r\n.two\r\n\r\nfour\r\n..\r\n"
    office.deliver(user, b"Subject: top\r\n\r\n" + body)
    with office.pop3(user) as c:
        whole = c.retr(1)
        c.ask(b"TOP 1 %d" % lines)
        got = c.multi()
    head, sep, rest = whole.partition(b"\r\n\r\n")
    assert rest == body
    want = b"".join(rest.splitlines(True)[:lines])
    assert got == head + sep + want


def test_uidls(office, five):
    with office.pop3(five) as c:
        ids = c.uidl()
        assert len(set(ids)) == 5
        for n, uidl in enumerate(ids, 1):
            # RFC 1939 section 7: 1 to 70 characters, 0x21 to 0x7E.
            assert 1 <= len(uidl) <= 70
            assert all(0x21 <= b <= 0x7e for b in uidl)
            assert c.ask(b"UIDL %d" % n) == b"+OK %d %s" % (n, uidl)
        c.ask(b"DELE 3")
        c.ask(b"QUIT")
    office.deliver(five, SMALL[0])
    with office.pop3(five) as c:
        after = c.uidl()
        assert after[:4] == ids[:2] + ids[3:]
        assert after[4] not in ids


def test_uidls_over_a_restart(new_office):
    office = new_office()
    user = office.add_account()
    for body in SMALL:
        office.deliver(user, body)
    with office.pop3(user) as c:
        ids = c.uidl()
    office.restart()
    with office.pop3(user) as c:
        assert c.uidl() == ids
        assert bodies(c) == SMALL


# ---- snapshots ----

def test_two_sessions_both_delete(office, five):
    # I7: what a session sees does not change under it.
    a, b = office.pop3(five), office.pop3(five, tls=True)
    a.ask(b"DELE 1")
    a.ask(b"DELE 2")
    office.deliver(five, b"Subject: in between\r\n\r\nnew\r\n")
    assert b.stat()[0] == 5
    b.ask(b"DELE 2")
    b.ask(b"DELE 3")
    a.ask(b"QUIT")
    assert b.stat()[0] == 3
    assert strip_trace(b.retr(1)) == SMALL[0]  # deleted by a meanwhile
    with office.pop3(five) as c:
        assert c.stat()[0] == 4
    b.ask(b"QUIT")  # deleting what is gone is no mistake
    with office.pop3(five) as c:
        assert bodies(c) == SMALL[3:] + [
            b"Subject: in between\r\n\r\nnew\r\n"]
    a.close()
    b.close()


def test_delivery_during_a_session(office, five):
    with office.pop3(five) as c:
        ids = c.uidl()
        for i in range(20):
            office.deliver(five, b"Subject: %d\r\n\r\n" % i)
            assert c.stat()[0] == 5
            assert c.uidl() == ids
            c.ask(b"RETR 6", b"-ERR")
            c.ask(b"RSET")
    with office.pop3(five) as c:
        assert c.stat()[0] == 25
        assert c.uidl()[:5] == ids


def test_sessions_model(office, user):
    """Sessions, deletes and deliveries at random against a small model."""
    import random
    r = random.Random(7)
    mail, open_, numbers = [], [], itertools.count()
    for _ in range(120):
        what = r.random()
        if what < 0.3:
            body = b"Subject: %d\r\n\r\n" % next(numbers)
            office.deliver(user, body)
            mail.append(body)
        elif what < 0.5 and len(open_) < 6:
            open_.append((office.pop3(user), list(mail), set()))
        elif open_ and what < 0.9:
            c, seen, marked = r.choice(open_)
            assert c.stat()[0] == len(seen) - len(marked)
            n = r.randrange(len(seen)) if seen else None
            if n is not None and n not in marked:
                assert strip_trace(c.retr(n + 1)) == seen[n]
                c.ask(b"DELE %d" % (n + 1))
                marked.add(n)
        elif open_:
            c, seen, marked = open_.pop(r.randrange(len(open_)))
            if r.random() < 0.7:
                c.ask(b"QUIT")
                gone = {seen[n] for n in marked}
                mail = [m for m in mail if m not in gone]
            c.close()
    for c, _, _ in open_:
        c.close()
    assert office.collect(user) == mail


# ---- CAPA, STLS, logins ----

def capabilities(c):
    c.ask(b"CAPA")
    return set(c.multi().split(b"\r\n")[:-1])


def test_capa_tells_the_truth(office, user):
    with office.pop3() as c:
        before = capabilities(c)
        assert {b"TOP", b"UIDL", b"RESP-CODES", b"AUTH-RESP-CODE",
                b"PIPELINING", b"STLS", b"USER",
                b"SASL SCRAM-SHA-256 PLAIN LOGIN"} <= before
        c.ask(b"STLS")
        c.starttls(office.tls_context())
        secure = capabilities(c)
        # Only TLS has a channel to bind a login to.
        sasl = b"SASL SCRAM-SHA-256"
        assert secure == {line.replace(sasl, sasl + b"-PLUS SCRAM-SHA-256")
                          for line in before - {b"STLS"}}
        c.ask(b"USER " + user.encode())
        c.ask(b"PASS " + PASSWORD.encode())
        after = capabilities(c)
        # RFC 2449 section 3: both states, except where said otherwise.
        assert secure <= after
        c.ask(b"STLS", b"-ERR")


def sasl_plain(user, password=PASSWORD):
    return base64.b64encode(f"\0{user}\0{password}".encode())


def test_auth_plain(office, user):
    with office.pop3() as c:
        c.ask(b"AUTH PLAIN " + sasl_plain(user))
        c.stat()
    with office.pop3() as c:
        assert c.ask(b"auth plain", b"+ ") == b"+ "
        c.ask(sasl_plain(user))
        c.stat()


def test_auth_login(office, user):
    name, word = (base64.b64encode(s.encode()) for s in (user, PASSWORD))
    with office.pop3(tls=True) as c:
        assert base64.b64decode(c.ask(b"AUTH LOGIN", b"+ ")[2:]) == \
            b"Username:"
        assert base64.b64decode(c.ask(name, b"+ ")[2:]) == b"Password:"
        c.ask(word)
        c.stat()
    with office.pop3() as c:
        c.ask(b"AUTH LOGIN " + name, b"+ ")
        c.ask(word)
        c.stat()


@pytest.mark.parametrize("answer", [
    b"*", b"", b"=", b"====", b"!!!!", b"AA", base64.b64encode(b"\0\0"),
    base64.b64encode(b"a" * 300), base64.b64encode(b"\0" * 50),
    base64.b64encode(b"\xff\0\xfe\0\xfd"), b"A" * 12000])
def test_sasl_mistakes_stay_in_their_session(office, user, answer):
    # Threat 10: an error is local to the session.
    with office.pop3() as c, office.pop3(user) as other:
        c.ask(b"AUTH PLAIN", b"+ ")
        c.ask(answer, b"-ERR")
        other.stat()
        c.ask(b"AUTH PLAIN " + sasl_plain(user))
        c.stat()


def test_wrong_passwords_have_one_answer(office, user):
    # Threat 8: neither text nor length tell a user from none.
    answers = set()
    for name, word in ((user, "wrong"), ("none@example.org", PASSWORD),
                       ("none@else.where", PASSWORD), ("../x", "x"),
                       ("%u", "%s%n"), (user + "x", PASSWORD),
                       ("a" * 200, "x"), ("é", "ü"), (user, " " + PASSWORD),
                       (user, PASSWORD + " ")):
        with office.pop3() as c:
            c.ask(b"USER " + name.encode())
            answers.add(c.ask(b"PASS " + word.encode(), b"-ERR"))
        with office.pop3() as c:
            answers.add(c.ask(b"AUTH PLAIN " + sasl_plain(name, word),
                              b"-ERR"))
    assert len(answers) == 1
    assert answers.pop().startswith(b"-ERR [AUTH] ")


def test_passwords_of_all_kinds(office):
    for i, word in enumerate(("with spaces  in it ", "pässwörd", "秘密の言葉",
                              "\"quoted\\", "x" * 200, "%n%s")):
        user = office.add_account(f"word{i}", word)
        with office.pop3(user, word, tls=True) as c:
            c.stat()
        with office.pop3() as c:
            c.ask(b"AUTH PLAIN " + sasl_plain(user, word))


def test_stls_forgets_the_user(office, user):
    # Threat 2.
    with office.pop3() as c:
        c.ask(b"USER " + user.encode())
        c.ask(b"STLS")
        c.starttls(office.tls_context())
        c.ask(b"PASS " + PASSWORD.encode(), b"-ERR")
        c.ask(b"STLS", b"-ERR")
        c.ask(b"USER " + user.encode())
        c.ask(b"PASS " + PASSWORD.encode())


def test_stls_many_times(office):
    """The first command may come with the end of the handshake."""
    context = office.tls_context()
    start = time.monotonic()
    for _ in range(300):
        with office.pop3() as c:
            c.ask(b"STLS")
            c.starttls(context)
            c.ask(b"CAPA")
            c.multi()
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("delay", [0, 0.001, 0.05])
@pytest.mark.parametrize("extra", [b"CAPA\r\n", b"U", b"\r\n",
                                   b"\x16\x03\x01\x02\x00\x01\x00"])
def test_stls_injection(office, user, extra, delay):
    # Threat 1: nothing that came in clear is run behind the handshake.
    with office.pop3() as c:
        if delay:
            c.say(b"STLS\r\n")
            time.sleep(delay)
            c.say(extra)
        else:
            c.say(b"STLS\r\n" + extra)
        # What looks like the start of a ClientHello is waited for.
        c.sock.settimeout(0.5)
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while more := c.sock.recv(10000):
                answer += more
        assert answer in (b"", b"+OK begin TLS\r\n",
                          b"-ERR wait for the reply to STLS\r\n") or \
            answer.startswith(b"+OK begin TLS\r\n\x15\x03")  # an alert


# ---- pipelining ----

def test_everything_pipelined(office, five):
    with office.pop3() as c:
        c.say(b"CAPA\r\nUSER %s\r\nPASS %s\r\nSTAT\r\nLIST\r\nUIDL\r\n"
              % (five.encode(), PASSWORD.encode()) +
              b"".join(b"RETR %d\r\nTOP %d 0\r\n" % (n, n)
                       for n in range(1, 6)) +
              b"".join(b"DELE %d\r\n" % n for n in range(1, 6)) +
              b"NOPE\r\nRSET\r\nDELE 1\r\nQUIT\r\n")
        c.expect(b"+OK")
        c.multi()
        c.expect(b"+OK")
        c.expect(b"+OK 5 messages")
        c.expect(b"+OK 5 ")
        for _ in ("LIST", "UIDL"):
            c.expect(b"+OK")
            assert len(c.multi().splitlines()) == 5
        for body in SMALL:
            c.expect(b"+OK")
            assert strip_trace(c.multi()) == body
            c.expect(b"+OK")
            c.multi()
        for _ in SMALL:
            c.expect(b"+OK deleted")
        c.expect(b"-ERR")
        c.expect(b"+OK 5 messages")
        c.expect(b"+OK deleted")
        c.expect(b"+OK")
        assert c.rest() == b""
    with office.pop3(five) as c:
        assert c.stat()[0] == 4


def test_octet_by_octet(office, five):
    with office.pop3() as c:
        for octet in (b"USER %s\r\nPASS %s\r\nRETR 1\r\nQUIT\r\n" %
                      (five.encode(), PASSWORD.encode())):
            c.say(bytes([octet]))
        c.expect(b"+OK")
        c.expect(b"+OK")
        c.expect(b"+OK")
        assert strip_trace(c.multi()) == SMALL[0]
        c.expect(b"+OK")
        assert c.rest() == b""


@pytest.mark.parametrize("tls", [False, True])
def test_slow_reader(office, user, tls):
    message = mailgen.Generator(3).attachment(600000)
    office.deliver(user, message)
    with office.pop3(user, tls=tls, rcvbuf=4096) as c:
        c.say(b"RETR 1\r\nRETR 1\r\nQUIT\r\n")
        data = b""
        for _ in range(40):  # a hundred octets at a time, then the rest
            data += c.sock.recv(100)
            time.sleep(0.01)
        c.buffer = data
        for _ in range(2):
            c.expect(b"+OK")
            assert strip_trace(c.multi()) == message
        c.expect(b"+OK")
        assert c.rest() == b""


def test_nobody_waits_for_a_stuck_reader(office, five):
    user = office.add_account()
    office.deliver(user, b"x" * 500000 + b"\r\n")
    stuck = [office.pop3(user, rcvbuf=4096) for _ in range(6)]
    for c in stuck:
        c.say(b"RETR 1\r\n" * 500)
    start = time.monotonic()
    for _ in range(10):
        with office.pop3(five) as c:
            assert bodies(c) == SMALL
    assert time.monotonic() - start < 10
    for c in stuck:
        c.close()


def test_many_at_once(office, five):
    """64 sessions side by side, each step of all before the next."""
    sessions = [office.pop3(tls=i % 2 == 1) for i in range(64)]
    for c in sessions:
        c.say(b"USER %s\r\n" % five.encode())
    for c in sessions:
        c.expect(b"+OK")
        c.say(b"PASS secret\r\n")
    for c in sessions:
        c.expect(b"+OK 5 messages")
        c.say(b"RETR 1\r\nRETR 2\r\nUIDL\r\n")
    for c in sessions:
        for body in SMALL[:2]:
            c.expect(b"+OK")
            assert strip_trace(c.multi()) == body
        c.expect(b"+OK")
        assert c.multi().count(b"\r\n") == 5
        c.ask(b"QUIT")
        assert c.rest() == b""
        c.close()


def test_one_by_one(office):
    """Small messages, each asked for when the one before is there: in order,
    backwards, some left out, twice; by more sessions than a worker reads
    ahead for, of two maildrops, while one of them grows."""
    users = [office.add_account() for _ in range(2)]
    mail = {u: [b"Subject: %d of %s\r\n\r\n%s\r\n"
                % (i, u.encode(), bytes([65 + i % 26]) * (i * 61 % 2600))
                for i in range(45)] for u in users}
    for u in users:
        for body in mail[u]:
            office.deliver(u, body)
    orders = [range(45), range(1, 45), range(2, 45), range(44, -1, -1),
              range(0, 45, 2), [i // 2 for i in range(90)],
              [0, 44, 1, 43, 2, 3, 4, 20, 19]]
    sessions = []
    for i in range(60):
        # Whatever sessions share: some of them have not one maildrop, and
        # one is a message ahead of the other.
        user = users[i // 3 % 2]
        c = office.pop3(user, tls=i % 8 == 7)
        sessions.append((c, user, list(orders[i % 7])))
    for step in range(90):
        asked = [(c, u, todo[step]) for c, u, todo in sessions
                 if step < len(todo)]
        for c, _, n in asked:
            c.say(b"RETR %d\r\n" % (n + 1))
        for c, u, n in asked:
            c.expect(b"+OK")
            assert strip_trace(c.multi()) == mail[u][n], (u, n)
        if step % 10 == 0:
            office.deliver(users[0], b"Subject: new\r\n\r\nbehind\r\n")
    # And a few messages of each, while the others say nothing.
    for i, (c, u, _) in enumerate(sessions):
        for n in range(i % 5, i % 5 + 4):
            assert strip_trace(c.retr(n + 1)) == mail[u][n], (u, n)
    for c, _, _ in sessions:
        c.ask(b"QUIT")
        c.close()


# ---- large maildrops ----

def test_a_thousand_messages(office, user):
    """LIST, UIDL and a QUIT of many, from a listing that is not inline."""
    with office.lmtp() as c:
        for start in range(0, 1000, 100):
            for i in range(start, start + 100):
                c.say(b"MAIL FROM:<a@example.net>\r\nRCPT TO:<%s>\r\n"
                      b"DATA\r\n" % user.encode())
                c.say(to_wire(b"Subject: %d\r\n\r\n%d\r\n" % (i, i)))
            for i in range(start, start + 100):
                for code in (b"250", b"250", b"354", b"250"):
                    c.reply(code)
    with office.pop3(user) as c:
        assert c.stat()[0] == 1000
        assert len(set(c.uidl())) == 1000
        c.ask(b"LIST")
        assert c.multi().count(b"\r\n") == 1000
        c.say(b"".join(b"DELE %d\r\n" % n for n in range(1, 1001, 2)))
        for _ in range(500):
            c.expect(b"+OK")
        c.say(b"LIST\r\nUIDL\r\n")
        for _ in range(2):
            c.expect(b"+OK")
            assert c.multi().count(b"\r\n") == 500
        c.ask(b"QUIT")
    with office.pop3(user) as c:
        assert c.stat()[0] == 500
        for n in (1, 250, 500):
            assert strip_trace(c.retr(n)) == (
                b"Subject: %d\r\n\r\n%d\r\n" % (2 * n - 1, 2 * n - 1))


def test_poplib(office, five):
    p = poplib.POP3("127.0.0.1", office.pop3_port)
    assert "STLS" in p.capa()
    p.stls(office.tls_context())
    assert "STLS" not in p.capa()
    p.user(five)
    p.pass_(PASSWORD)
    assert p.stat()[0] == 5
    assert [int(line.split()[0]) for line in p.list()[1]] == [1, 2, 3, 4, 5]
    for n, body in enumerate(SMALL, 1):
        lines = p.retr(n)[1]
        assert strip_trace(b"\r\n".join(lines) + b"\r\n") == body
        assert b"Subject: %d" % n in p.top(n, 0)[1]
    assert p.uidl(1).startswith(b"+OK 1 ")
    p.dele(1)
    p.rset()
    p.noop()
    with pytest.raises(poplib.error_proto):
        p.retr(6)
    p.dele(5)
    p.quit()
    p = poplib.POP3_SSL("127.0.0.1", office.pop3s_port,
                        context=office.tls_context())
    p.user(five)
    p.pass_(PASSWORD)
    assert p.stat()[0] == 4
    p.quit()


def test_closed_means_closed(office, user):
    with office.pop3(user) as c:
        c.ask(b"QUIT")
        with pytest.raises((Closed, OSError, Failure)):
            c.say(b"STAT\r\n")
            c.line()


# ---- UTF8 and LANG (RFC 6856) ----

def test_utf8_names_and_passwords(office):
    """RFC 6856 2.2: UTF8 USER means that both may be UTF-8, prepared with
    SASLprep, "before issuing the UTF8 command" too; what is not UTF-8 must
    be rejected."""
    office.add_account("jürgen", "pässwörd\u00ad 秘密")
    for name, password, right in [
            ("jürgen@example.org", "pässwörd 秘密", True),
            # SASLprep: NFKC, and a soft hyphen maps to nothing.
            ("ju\u0308rgen@example.org", "pa\u0308sswo\u0308rd\u3000秘密",
             True),
            ("jürgen@example.org", "password 秘密", False),
            ("jurgen@example.org", "pässwörd 秘密", False)]:
        with office.pop3() as c:
            c.ask(b"USER " + name.encode())
            c.ask(b"PASS " + password.encode(), b"+OK" if right else b"-ERR")
    for name, password in [
            ("jürgen@example.org".encode("latin-1"), "pässwörd 秘密".encode()),
            ("jürgen@example.org".encode(), "pässwörd 秘密".encode() + b"\xff"),
            ("jürgen@example.org".encode(), b"p\xc0\xa4sswort")]:
        with office.pop3() as c:
            c.ask(b"UTF8")
            c.ask(b"USER " + name)
            c.ask(b"PASS " + password, b"-ERR [AUTH]")


def test_language_of_the_administrator(new_office):
    """RFC 6856 3.2: "LANG *" is "a language designated as preferred by the
    server administrator"."""
    office = new_office(start=False)
    office.set("language", "ja")
    office.start()
    with office.pop3() as c:
        assert c.ask(b"NOOP", b"-ERR ").isascii()
        assert c.ask(b"LANG *") == "+OK ja 応答を日本語にしました".encode()
        c.ask(b"LANG en", b"+OK en ")


def test_uidl_is_never_the_sender_s(office, user):
    """Threat 22: servers that trusted X-UIDL gave two messages one id."""
    body = b"X-UIDL: abc\r\nSubject: x\r\nX-UIDL: def\r\n\r\n"
    for _ in range(3):
        office.deliver(user, body)
    with office.pop3(user) as c:
        uidls = c.uidl()
        assert len(set(uidls)) == 3
        assert not {b"abc", b"def"} & set(uidls)
        # The header is the sender's, and stays.
        assert strip_trace(c.retr(1)) == body


def nested(n):
    """Each part in another, as deep as there are lines."""
    return b"Content-Type: multipart/mixed; boundary=0\r\n\r\n" + b"".join(
        b"--%d\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n" %
        (i, i + 1) for i in range(n // 3))


def header(line):
    return lambda n: line * n + b"\r\nbody\r\n"


BOMBS = {
    "addresses": lambda n: b"To: " + b",\r\n ".join(
        b"a%d@example.org" % i for i in range(n)) + b"\r\n\r\n",
    "names of NUL": header(b"\0\0: x\r\n"),
    "trace": header(b"Received: from a by b\r\n"),
    "parameters": lambda n: b"Content-Type: text/plain" + b"".join(
        b";\r\n x*%d*=a" % i for i in range(n)) + b"\r\n\r\n",
    "dots": lambda n: b"\r\n" + b".\r\n" * n,
    "nested": nested,
}


def cpu_ns(office):
    """What the processes that see mail have worked."""
    found = 0
    for pid in office.pids("worker") + office.pids("store"):
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            with open(path, encoding="ascii") as f:
                found += int(f.read().split()[0])
    return found


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_cost_no_more_than_their_length(office, kind):
    """Threat 20: nothing but line ends is looked at, each once: twice as many
    cost twice as much."""
    user = office.add_account()
    n = 40000

    def cost(n):
        body = BOMBS[kind](n)
        began = cpu_ns(office)
        office.deliver(user, body)
        with office.pop3(user) as c:
            c.ask(b"TOP %d %d" % (c.stat()[0], 2 * n))
            assert strip_trace(c.multi()) == body
        return cpu_ns(office) - began

    cost(n // 40)
    if SANITIZED:  # it has times of its own
        return
    few, many = (min(cost(size) for _ in range(2)) for size in (n, 2 * n))
    print(f"{kind}: {few / 1e6:.1f} ms for {n} lines, {many / 1e6:.1f} ms "
          "for twice as many")
    assert many < 2.2 * few + 10e6, (few, many)
