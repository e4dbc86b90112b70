"""SMTP, LMTP and `yubin deliver`: who gets what, and what is refused."""
import contextlib
import itertools
import re
import smtplib

import hypothesis
import hypothesis.strategies as st
import pytest

import mailgen
from post_office import (DOMAIN, Failure, repaired,
                         strip_trace, to_wire)

BODY = b"Subject: x\r\n\r\nbody\r\n"


def deliver_raw(c, user, wire, lmtp=True):
    """Sends octets behind DATA as they are; the reply."""
    c.smtp_ask(b"MAIL FROM:<a@example.net>")
    c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
    c.smtp_ask(b"DATA", b"354")
    c.say(wire)
    return c.reply()[-1]


# ---- what comes out is what went in ----

ODD = [
    b"", b"\r\n", b".\r\n", b"..\r\n", b"\r\n.\r\n", b"\r\n\r\n.\r\n.\r\n",
    b"no header and no end of line", b"Subject: only a header",
    b"Subject: only a header\r\n", b"Subject: x\r\n\r\n",
    b"\r\nbody behind an empty header\r\n", b"a", b".", b"..",
    b"Subject: nul\r\n\r\n\0\0\r\n\0.\r\n.\0\r\n",
    bytes(i for i in range(256) if i not in (10, 13)) + b"\r\n",
    b"x" * 1000000 + b"\r\n", b"." * 1000000 + b"\r\n",
    b".\r\n" * 20000, b"\r\n" * 50000, b"Subject: " + b"y" * 100000,
    b"Subject: x\r\n\r\n" + b"\xe3\x81\x82" * 400000 + b"\r\n.\r\n",
    b" folded from the start\r\n", b"From the start\r\n",
    b"Received: from us\r\n\tby us; today\r\n",
    *(b"." * n + b"\r\n" for n in (4093, 4094, 4095, 4096, 16383, 65535)),
    *(b"x" * n + b"\r\n.\r\n" for n in (4090, 16379, 16381, 65531, 262141)),
]


@pytest.mark.parametrize("how", ["smtp", "lmtp", "unix", "deliver"])
def test_odd_messages(office, user, how):
    want = []
    if how == "deliver":
        for body in ODD[:20]:
            office.run("deliver", "-f", "a@example.net", user, data=body)
            want.append(repaired(body))
    else:
        with (office.smtp() if how == "smtp" else
              office.lmtp(unix=how == "unix")) as c:
            for body in ODD:
                c.send_mail([user], body)
                want.append(repaired(body))
            c.smtp_ask(b"QUIT", b"221")
    got = office.collect(user)
    assert len(got) == len(want)
    for a, b in zip(got, want):
        assert a == b


def test_generated_messages_by_lmtp_pipelined(office, user):
    mail = list(mailgen.messages(150, seed=11))
    with office.lmtp() as c:
        c.say(b"".join(
            b"MAIL FROM:<a@example.net>\r\nRCPT TO:<%s>\r\nDATA\r\n%s" %
            (user.encode(), to_wire(body)) for body in mail[:40]) )
        for _ in range(40):
            for code in (b"250", b"250", b"354", b"250"):
                c.reply(code)
        for body in mail[40:]:
            c.send_mail([user], body)
    assert office.collect(user) == mail


def test_every_split(office, user):
    """A message cut at every octet, with time in between."""
    body = b"Subject: x\r\n\r\n.\r\n..\r\ntext\r\n"
    wire = to_wire(body)
    with office.smtp() as c:
        for at in range(1, len(wire)):
            c.smtp_ask(b"MAIL FROM:<a@example.net>")
            c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
            c.smtp_ask(b"DATA", b"354")
            c.say(wire[:at])
            c.sock.settimeout(0.003)
            with pytest.raises(TimeoutError):
                c.sock.recv(1)
            c.sock.settimeout(20)
            c.say(wire[at:])
            c.reply(b"250")
    assert office.collect(user) == [body] * (len(wire) - 1)


LINE_ENDS = [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r", b"\n\n",
             b"\r\r", b"\r\r\r\n"]


def test_lmtp_repairs_line_ends(office, user):
    """Pairs of all line ends around dots against the model."""
    want = []
    with office.lmtp() as c:
        for a, b in itertools.product(LINE_ENDS, repeat=2):
            for text in (b"x", b".", b"..", b".x", b""):
                body = b"s: x\r\n\r\n1" + a + text + b + b"2"
                c.send_mail([user], body)
                want.append(repaired(body))
    got = office.collect(user)
    assert got == want


@hypothesis.settings(max_examples=150, deadline=None, database=None,
                     derandomize=True, suppress_health_check=list(
                         hypothesis.HealthCheck))
@hypothesis.given(bodies=st.lists(st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"x", b"\0"]),
    max_size=12).map(b"".join), min_size=1, max_size=6))
def test_any_line_ends(office, bodies):
    """The same at random, several messages to one maildrop."""
    user = "any@example.org"
    with contextlib.suppress(Failure):
        office.add_account(user)
    with office.lmtp() as c:
        for body in bodies:
            c.send_mail([user], body)
    with office.pop3(user) as c:
        assert [strip_trace(c.retr(n + 1)) for n in range(c.stat()[0])] == [
            repaired(body if not body or body.endswith(b"\r\n") else
                     body + b"\r\n") for body in bodies]
        c.say(b"".join(b"DELE %d\r\n" % (n + 1)
                       for n in range(len(bodies))) + b"QUIT\r\n")
        c.rest()


def test_smtp_refuses_bare_line_ends(office, user):
    with office.smtp() as c:
        for end in LINE_ENDS[1:]:
            wire = to_wire(b"s: x\r\n\r\n1" + end + b"2")
            answer = deliver_raw(c, user, wire)
            if end == b"\n\n" or re.search(rb"\r(?!\n)|(?<!\r)\n", end):
                assert answer.startswith(b"550 5.6.0"), (end, answer)
            c.smtp_ask(b"NOOP")
    assert office.collect(user) == []


# ---- smuggling (threat 33) ----

ENDINGS = [a + b"." + b for a, b in itertools.product(
    [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\r\0\n", b"\n\r"], repeat=2)
    if a + b"." + b != b"\r\n.\r\n"]
ENDINGS = [e for e in ENDINGS if b"\r\n.\r\n" not in e]


@pytest.mark.parametrize("ending", ENDINGS, ids=repr)
@pytest.mark.parametrize("how", ["smtp", "lmtp"])
def test_smuggling(office, user, how, ending):
    """Only CRLF . CRLF ends DATA, wherever the input is cut."""
    inner = (b"MAIL FROM:<evil@example.net>\r\nRCPT TO:<" + user.encode() +
             b">\r\nDATA\r\nSubject: smuggled\r\n\r\nevil\r\n")
    wire = b"Subject: outer\r\n\r\nbody" + ending + inner + b".\r\n"
    with (office.smtp() if how == "smtp" else office.lmtp()) as c:
        answer = deliver_raw(c, user, wire)
        # One message, one answer, and the session is in step.
        assert answer.startswith(b"250" if how == "lmtp" else b"550 5.6.0")
        c.smtp_ask(b"NOOP", b"250 2.0.0 ok")
        c.smtp_ask(b"QUIT", b"221")
        assert c.rest() == b""
    got = office.collect(user)
    assert len(got) == (1 if how == "lmtp" else 0)
    with office.pop3(user) as c:
        if got:
            assert c.retr(1).startswith(b"Return-Path: <a@example.net>")
            # What comes out has no other line ends, whoever relays it.
            assert re.search(rb"\r(?!\n)|(?<!\r)\n", got[0]) is None


def test_command_lines_end_with_crlf_only(office, user):
    with office.smtp() as c:
        c.say(b"MAIL FROM:<a@example.net>\n")
        c.reply(b"500")
        c.say(b"RSET\rNOOP\r\n")
        c.reply(b"500")
        c.smtp_ask(b"NOOP")


@pytest.mark.parametrize("extra", [b"EHLO x\r\n", b"M", b"\r\n",
                                   b"MAIL FROM:<>\r\nRCPT TO:<x>\r\n"])
def test_starttls_injection(office, extra):
    # Threat 1.
    with office.smtp() as c:
        c.say(b"STARTTLS\r\n" + extra)
        assert c.rest() in (b"", b"501 5.5.4 wait for the reply to STARTTLS"
                                 b"\r\n", b"220 2.0.0 begin TLS\r\n")


def test_starttls_forgets_all(office, user):
    # RFC 3207 section 4.2, threat 2.
    with office.smtp() as c:
        c.smtp_ask(b"MAIL FROM:<evil@example.net>")
        c.smtp_ask(b"STARTTLS", b"220")
        c.starttls(office.tls_context())
        c.smtp_ask(b"RCPT TO:<" + user.encode() + b">", b"503")
        c.say(b"EHLO again\r\n")
        assert b"250-STARTTLS" not in c.reply(b"250")
        c.smtp_ask(b"STARTTLS", b"503")
        c.send_mail([user], BODY, lmtp=False)
    with office.pop3(user) as c:
        assert b" with ESMTPS " in c.retr(1)


# ---- recipients ----

def test_lmtp_answers_each_recipient(office):
    users = [office.add_account() for _ in range(3)]
    with office.lmtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        for i, u in enumerate(users):
            c.smtp_ask(b"RCPT TO:<" + u.encode() + b">")
            c.smtp_ask(b"RCPT TO:<none%d@example.org>" % i, b"550 5.1.1")
        c.smtp_ask(b"DATA", b"354")
        c.say(to_wire(BODY))
        for _ in users:
            c.reply(b"250")
        c.smtp_ask(b"NOOP", b"250 2.0.0 ok")
    for u in users:
        assert office.collect(u) == [BODY]
        with office.pop3(u) as c:  # RFC 5321 section 7.2: no blind copies
            assert b"for <" not in c.retr(1)


def test_smtp_to_many(office, user):
    other = office.add_account()
    with office.smtp() as c:
        c.send_mail([user, other, user, user.upper(), other], BODY,
                    lmtp=False)
        c.smtp_ask(b"NOOP", b"250 2.0.0 ok")
    # One mailbox gets a message once, by however many of its names.
    assert office.collect(user) == [BODY]
    assert office.collect(other) == [BODY]


def test_lmtp_same_recipient_twice(office, user):
    # RFC 2033 section 4.2: a reply for each RCPT that was accepted.
    with office.lmtp() as c:
        c.send_mail([user, user, user], BODY)
        c.smtp_ask(b"NOOP", b"250 2.0.0 ok")
    assert office.collect(user) == [BODY]


def test_a_hundred_recipients(office):
    # RFC 5321 section 4.5.3.1.8: "a minimum of 100 recipients".
    users = office.add_accounts(12)
    with office.smtp() as c:
        c.send_mail(users * 9, BODY, lmtp=False)
    for u in users:
        assert office.collect(u) == [BODY]


def test_postmaster(new_office):
    # RFC 5321 section 4.5.1: mail to postmaster is never refused.
    office = new_office(start=False)
    office.set("default_domain", DOMAIN)
    office.start()
    names = (b"postmaster", b"PostMaster", b"postmaster@example.org",
             b"POSTMASTER@EXAMPLE.ORG")
    first = office.add_account()
    office.add_account()
    with office.smtp() as c:
        for name in names:
            c.send_mail([name], BODY, b"", lmtp=False)
    assert office.collect(first) == [BODY] * 4  # the oldest account
    office.add_account("postmaster")
    with office.smtp() as c:
        for name in names:
            c.send_mail([name], BODY, b"", lmtp=False)
    assert office.collect("postmaster@example.org") == [BODY] * 4


RELAYING = [  # threat 38: what open relays fall for
    b"x@else.where", b"<x@else.where>", b"x%else.where@example.org",
    b"x%else.where", b"else.where!x@example.org", b"else.where!x",
    b"\"x@else.where\"", b"\"x@else.where\"@example.org",
    b"\"x%else.where\"@example.org", b"@example.org:x@else.where",
    b"@example.org,@a.b:x@else.where", b"x@[127.0.0.1]", b"x@[1.2.3.4]",
    b"x@localhost", b"x@else.where@example.org", b"x@example.org@else.where",
    b"x@example.org.", b"x@.example.org", b"x@sub.example.org", b"x",
    b"x@", b"@", b"", b"\"\"@example.org",
    b"../../etc/passwd@example.org", b"|/bin/sh@example.org",
    b"x@example.org\t", b"x@ex\xc3\xa4mple.org", b"\xff@example.org",
    b"x" * 300 + b"@example.org", b"x@" + b"y" * 300,
]


@pytest.mark.parametrize("sender", [b"", b"a@example.net", b"a@example.org"])
def test_no_relaying(office, sender):
    with office.smtp() as c:
        for rcpt in RELAYING:
            c.smtp_ask(b"MAIL FROM:<" + sender + b">")
            answer = c.smtp_ask(b"RCPT TO:<" + rcpt + b">", b"5")
            assert answer[:3] in (b"550", b"501", b"553"), (rcpt, answer)
            c.smtp_ask(b"DATA", b"503")
            c.smtp_ask(b"RSET")


def test_names_that_are_one(office, user):
    local = user.split("@")[0].encode()
    with office.smtp() as c:
        for rcpt in (user.encode().upper(), b"\"" + local + b"\"@example.org",
                     b"@a.example,@b.example:" + user.encode()):
            c.smtp_ask(b"MAIL FROM:<a@example.net>")
            c.smtp_ask(b"RCPT TO:<" + rcpt + b">")
            c.smtp_ask(b"RSET")


def test_vrfy_and_expn(office, user):
    with office.smtp() as c:
        seen = {c.smtp_ask(b"VRFY " + name, b"252") for name in
                (user.encode(), b"none@example.org", b"root")}
        assert len(seen) == 1
        c.smtp_ask(b"EXPN list", b"502")


# ---- size ----

def test_size(new_office):
    office = new_office(start=False)
    office.set("message_size_max", "64K")
    office.start()
    user = office.add_account()
    fits = b"Subject: x\r\n\r\n" + b"x" * 100
    fits += b".." + b"y" * (65536 - len(fits) - 4) + b"\r\n"
    assert len(fits) == 65536
    for make in (office.smtp, office.lmtp):
        with make(hello=False) as c:
            c.say(b"LHLO x\r\n" if make == office.lmtp else b"EHLO x\r\n")
            assert b"250-SIZE 65536" in c.reply(b"250")
            c.smtp_ask(b"MAIL FROM:<a@b.c> SIZE=65536")
            c.smtp_ask(b"RSET")
            c.smtp_ask(b"MAIL FROM:<a@b.c> SIZE=65537", b"552 5.3.4")
            c.smtp_ask(b"MAIL FROM:<a@b.c> SIZE=99999999999999999999999",
                       b"5")
            c.smtp_ask(b"MAIL FROM:<a@b.c> SIZE=-1", b"501")
            assert deliver_raw(c, user, to_wire(fits)).startswith(b"250")
            # It lies about its size, or is only too large.
            for more in (b"", b" SIZE=10"):
                c.smtp_ask(b"MAIL FROM:<a@b.c>" + more)
                c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
                c.smtp_ask(b"DATA", b"354")
                c.say(to_wire(b"z" + fits))
                c.reply(b"552 5.3.4")
                c.smtp_ask(b"NOOP")
    assert office.collect(user) == [fits, fits]


# ---- half sent ----

def test_half_a_message_is_no_message(office, user):
    # Threat 7.
    wire = to_wire(BODY)
    for at in range(0, len(wire)):
        c = office.smtp()
        c.say(b"MAIL FROM:<a@b.c>\r\nRCPT TO:<" + user.encode() +
              b">\r\nDATA\r\n")
        for code in (b"250", b"250", b"354"):
            c.reply(code)
        c.say(wire[:at])
        c.close()
    assert office.collect(user) == []


def test_order_of_commands(office, user):
    # Threat 35: after each way out of a transaction nothing is left of it.
    rcpt = b"RCPT TO:<" + user.encode() + b">"
    with office.smtp(hello=False) as c:
        for early in (b"MAIL FROM:<a@b.c>", rcpt, b"DATA"):
            c.smtp_ask(early, b"503")
        c.smtp_ask(b"HELO x")
        for way in (b"RSET", b"HELO x", b"EHLO x"):
            c.smtp_ask(b"MAIL FROM:<a@b.c>")
            c.smtp_ask(rcpt)
            c.say(way + b"\r\n")
            c.reply(b"250")
            c.smtp_ask(b"DATA", b"503")
            c.smtp_ask(rcpt, b"503")
        c.smtp_ask(b"MAIL FROM:<a@b.c>")
        c.smtp_ask(b"MAIL FROM:<a@b.c>", b"503")
        c.smtp_ask(rcpt)
        c.smtp_ask(b"DATA now", b"501")
        c.smtp_ask(b"DATA", b"354")
        c.say(b"s: x\r\n\r\nbare\n\r\n.\r\n")
        c.reply(b"550")
        c.smtp_ask(rcpt, b"503")


def test_recipients_of_before_get_nothing(office, user):
    """Threat 35, of what the server keeps beside its engine."""
    other = office.add_account()
    ways = ((b"RSET", [b"250"]), (b"EHLO x", [b"250"]),
            (b"DATA\r\nx: y\r\n\r\nbare\n\r\n.", [b"354", b"550"]),
            (b"BDAT 7 LAST\r\nx: y\n", [b"550"]),
            (b"BDAT 6\r\nx: y\r\nRSET", [b"250", b"250"]))
    with office.smtp() as c:
        for way, codes in ways:
            c.smtp_ask(b"MAIL FROM:<a@b.c>")
            c.smtp_ask(b"RCPT TO:<" + other.encode() + b">")
            c.say(way + b"\r\n")
            for code in codes:
                c.reply(code)
            c.send_mail([user], BODY, lmtp=False)
    assert office.collect(other) == []
    assert office.collect(user) == [BODY] * len(ways)


# ---- yubin deliver ----

def deliver(office, *args, code=0, data=BODY):
    done = office.run("deliver", *args, data=data, code=code)
    return done.stdout.decode()


def test_deliver(office, user):
    assert deliver(office, "-f", "a@example.net", user) == ""
    deliver(office, user, data=b"From a@b Thu Jan  1 00:00:00 1970\n"
                               b"Subject: y\n\n.\nFrom here\n")
    with office.pop3(user) as c:
        assert c.retr(1).startswith(b"Return-Path: <a@example.net>\r\n")
        second = c.retr(2)
        assert second.startswith(b"Return-Path: <>\r\n")
        # One leading mbox line goes, and no other.
        assert strip_trace(second) == \
            b"Subject: y\r\n\r\n.\r\nFrom here\r\n"


def test_deliver_fails(office, user):
    # sysexits.h, and RFC 3463 in the first line of output.
    out = deliver(office, "nobody@example.org", code=67)
    assert re.match(r"5\.1\.1 \S", out)
    out = deliver(office, "x@else.where", code=67)
    assert re.match(r"5\.\d\.\d+ \S", out)
    assert re.match(r"5\.\d\.\d+ \S", deliver(office, "not an address",
                                              code=64))
    deliver(office, code=64)
    deliver(office, "--nope", user, code=64)
    assert office.collect(user) == []


def test_deliver_to_many(office, user):
    other = office.add_account()
    deliver(office, user, other)
    assert office.collect(user) == office.collect(other) == [BODY]


def test_deliver_to_header(office, user):
    other = office.add_account()
    hidden = office.add_account()
    deliver(office, "-t", data=(
        f"To: A Person <{user}>\nCc: {other}\nBcc: {hidden}\n"
        "Subject: x\n\nbody\n").encode())
    for u in (user, other, hidden):
        [body] = office.collect(u)
        assert b"Bcc" not in body and body.endswith(b"\r\n\r\nbody\r\n")


def test_deliver_without_server(new_office):
    office = new_office(start=False)
    user = office.add_account()
    out = office.run("deliver", user, data=BODY, code=75).stdout.decode()
    assert re.match(r"4\.\d\.\d+ \S", out)
    office.set("hostname", "not a host name")
    out = office.run("deliver", user, data=BODY, code=75).stdout.decode()
    assert re.match(r"4\.\d\.\d+ \S", out)
    done = office.run("deliver", "-c", "/nonexistent", user, data=BODY,
                      code=75, config=False)
    assert re.match(rb"4\.\d\.\d+ \S", done.stdout)


def test_smtplib_says_which_recipient(office, user):
    with smtplib.SMTP("127.0.0.1", office.smtp_port) as s:
        refused = s.sendmail("a@example.net", [user, f"no@{DOMAIN}"], BODY)
        assert list(refused) == [f"no@{DOMAIN}"]
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            s.sendmail("a@example.net", ["x@else.where"], BODY)
    assert office.collect(user) == [BODY]


