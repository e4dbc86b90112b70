"""BDAT (RFC 3030) with the real server: what is kept, and at which cost."""
import random
import re

import pytest

import mailgen
from mail_systems import Exim, why_not
from post_office import PATIENCE, SANITIZED, to_wire


def chunked(body, sizes, end=b" LAST"):
    """`body` as BDAT commands of these sizes; the last takes the rest."""
    out = []
    for size in sizes:
        if size >= len(body):
            break
        out.append(b"BDAT %d\r\n%s" % (size, body[:size]))
        body = body[size:]
    return b"".join(out) + b"BDAT %d%s\r\n%s" % (len(body), end, body), \
        len(out) + 1


def begin(c, *users):
    c.smtp_ask(b"MAIL FROM:<a@example.net>")
    for user in users:
        c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")


def test_real_and_odd_mail(office, user):
    rng = random.Random(3030)
    mail = [m for m in mailgen.messages(60, seed=30) if m]
    # In memory, over the pool into a file, and past it in tiny pieces.
    mail += [b"x" * 999998 + b"\r\n", b"." * 3000000 + b"\r\n",
             b".\r\n" * 700000]
    for make in (office.smtp, office.lmtp):
        with make() as c:
            for body in mail:
                begin(c, user)
                octets, n = chunked(body, rng.choices(
                    [0, 1, 2, 3, 10, 1000, 65536, 1 << 20], k=40))
                c.say(octets)
                for _ in range(n):
                    c.reply(b"250 2.0.0")
    got = office.collect(user)
    want = [m if m.endswith(b"\r\n") else m + b"\r\n" for m in mail]
    assert len(got) == 2 * len(want)
    for a, b in zip(got, want + want):
        assert a == b


def test_each_recipient_is_answered(office, user):
    other = office.add_account()
    with office.lmtp() as c:
        begin(c, user, other)
        c.say(b"BDAT 6\r\ns: x\r\nBDAT 0 LAST\r\nNOOP\r\n")
        for code in (b"250 2.0.0", b"250 2.0.0", b"250 2.0.0", b"250 2.0.0 ok"):
            c.reply(code)
    assert office.collect(user) == office.collect(other) == [b"s: x\r\n"]


def test_dropped_octets_never_run(office, user):
    """Threat 36: whatever is wrong with a chunk, its octets are its own."""
    inner = b"MAIL FROM:<evil@example.net>\r\nRCPT TO:<" + user.encode() + \
        b">\r\nDATA\r\nevil\r\n.\r\n"
    with office.smtp() as c:
        for before, codes in (
                (b"", []), (b"MAIL FROM:<a@b.c>\r\n", [b"250"]),
                (b"MAIL FROM:<a@b.c>\r\nRCPT TO:<no@example.org>\r\n",
                 [b"250", b"550"])):
            c.say(before + b"BDAT %d\r\n%s" % (len(inner), inner) +
                  b"BDAT %d LAST\r\n%s" % (len(inner), inner) + b"RSET\r\n")
            for code in (*codes, b"503", b"503", b"250 2.0.0 reset"):
                c.reply(code)
        # A transaction that failed, then the same octets.
        begin(c, user)
        c.say(b"BDAT 2\r\n\n\nBDAT %d\r\n%sBDAT %d LAST\r\n%sNOOP\r\n" %
              (len(inner), inner, len(inner), inner))
        for code in (b"550 5.6.0",) * 3 + (b"250 2.0.0 ok",):
            c.reply(code)
    assert office.collect(user) == []


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) * 1024


def test_tiny_chunks_cost_nothing(new_office):
    """Threat 36: chunks of one octet, pipelined."""
    office = new_office(start=False)
    office.set("workers", 1)
    office.start()
    user = office.add_account()
    [worker] = office.pids("worker")
    n = 20000 if SANITIZED else 150000
    with office.smtp() as c:
        # Once before counting: what is allocated once stays.
        for _ in range(2):
            begin(c, user)
            before = rss(worker)
            for _ in range(n // 5000):
                c.say(b"BDAT 1\r\nx" * 5000)
                for _ in range(5000):
                    c.reply(b"250")
            grown = rss(worker) - before
            c.say(b"BDAT 2 LAST\r\n\r\n")
            c.reply(b"250")
        assert grown < 2 * n + (1 << 20)
    assert office.collect(user) == [b"x" * n + b"\r\n"] * 2


def test_a_disk_that_is_told_large_sizes(office, user):
    """Threat 42: what a chunk announces reserves nothing."""
    before = sum(rss(p) for p in office.pids("worker"))
    for size in (b"4294967296", b"49000000"):
        c = office.smtp()
        begin(c, user)
        c.say(b"BDAT " + size + b" LAST\r\nx")
        c.close()
    assert sum(rss(p) for p in office.pids("worker")) < before + (8 << 20)
    assert office.collect(user) == []


def test_data_and_bdat_in_one_session(office, user):
    body = b"Subject: x\r\n\r\n.\r\n"
    with office.smtp() as c:
        for way in "DBDDBB":
            begin(c, user)
            if way == "D":
                c.smtp_ask(b"DATA", b"354")
                c.say(to_wire(body))
            else:
                c.say(b"BDAT %d LAST\r\n%s" % (len(body), body))
            c.reply(b"250 2.0.0")
    assert office.collect(user) == [body] * 6


@pytest.mark.skipif(bool(why_not()), reason=why_not())
@pytest.mark.skipif(SANITIZED, reason="once is enough for Exim")
@pytest.mark.parametrize("way", ["smtp", "lmtp-inet"])
def test_exim_sends_chunks(new_office, way):
    """Exim uses BDAT wherever it is offered, and says so in its log."""
    office = new_office()
    user = office.add_account()
    exim = Exim(office, PATIENCE, way)
    try:
        bodies = [b"one line", b"..\r\n.\r\n.x", b"y" * 900,
                  b".\r\n" * 20000, (b"z" * 900 + b"\r\n") * 400]
        for body in bodies:
            exim.send(user, b"Subject: x\r\n\r\n" + body + b"\r\n")
        got = [m.split(b"\r\n\r\n", 1)[1] for m in office.collect(user)]
        assert got == [body + b"\r\n" for body in bodies]
        sent = [line for line in exim.log().split("\n") if " => " in line]
        assert len(sent) == 5 and all(" K " in line for line in sent), sent
        exim.send("nobody@example.org", b"Subject: x\r\n\r\nx\r\n", "")
        exim.wait_log(exim.BOUNCED)
        assert "550 5.1.1" in exim.log()
    finally:
        exim.stop()
