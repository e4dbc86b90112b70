"""Clients on port 25 that do not keep to the order of things."""
import socket
import time

import pytest

from post_office import Line, next_source, to_wire

BODY = b"Subject: x\r\n\r\nbody\r\n"


def connect(office):
    s = socket.socket()
    s.bind((next_source(), 0))
    s.settimeout(20)
    s.connect(("127.0.0.1", office.smtp_port))
    return s


def everything(s):
    data = b""
    try:
        while more := s.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    return data


# ---- threat 37 ----

def blind(user):
    return (b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<" + user.encode() +
            b">\r\nDATA\r\n" + to_wire(BODY) + b"QUIT\r\n")


def test_talks_before_the_greeting(new_office):
    office = new_office(start=False)
    office.set("smtp_greeting_delay", 400)
    office.start()
    user = office.add_account()
    for said in (b"E", b"\r\n", b"EHLO x\r\n", blind(user)):
        s = connect(office)
        s.sendall(said)
        assert everything(s) == b"554 5.5.1 wait for our greeting\r\n"
        s.close()
    assert office.collect(user) == []
    # Who waits is served, after that time; LMTP has none to wait.
    began = time.monotonic()
    with office.smtp() as c:
        assert time.monotonic() - began >= 0.4
        c.send_mail([user], BODY)
    began = time.monotonic()
    with office.lmtp():
        assert time.monotonic() - began < 0.4
    assert office.collect(user) == [BODY]
    office.wait_log('end="spoke before the greeting"')


def test_does_not_wait_for_the_hello(office, user):
    s = connect(office)
    assert s.recv(1000).startswith(b"220 ")
    s.sendall(blind(user))
    assert everything(s) == b"554 5.5.1 wait for the reply to your hello\r\n"
    s.close()
    assert office.collect(user) == []
    with Line(("127.0.0.1", office.lmtp_port)) as c:
        c.say(blind(user).replace(b"EHLO", b"LHLO"))
        c.rest()
    assert office.collect(user) == [BODY]


# ---- threat 43 ----

def test_loops(office, user):
    """By SMTP; what comes by LMTP stays here, and cannot go round again."""
    hop = b"Received: from a by b; Sat, 1 Jan 2000 00:00:00 +0000\r\n"
    for make, after in ((office.smtp, b"554 5.4.6"), (office.lmtp, b"250")):
        with make() as c:
            for n, code in ((100, b"250"), (101, after)):
                c.smtp_ask(b"MAIL FROM:<>")
                c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
                c.smtp_ask(b"DATA", b"354")
                c.say(hop * n + b"\r\n.\r\n")
                c.reply(code)
    assert office.collect(user) == [hop * n + b"\r\n"
                                    for n in (100, 100, 101)]


def test_null_sender_and_no_backscatter(office, user):
    """What cannot be delivered is refused in the dialogue; nothing is sent
    back, so nothing that a forged sender could get."""
    with office.smtp() as c:
        c.smtp_ask(b"MAIL FROM:<>")
        c.smtp_ask(b"RCPT TO:<nobody@example.org>", b"550 5.1.1")
        c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
        c.smtp_ask(b"DATA", b"354")
        c.say(to_wire(BODY))
        c.reply(b"250")
        c.smtp_ask(b"MAIL FROM:<" + user.encode() + b">")
        c.smtp_ask(b"RCPT TO:<nobody@example.org>", b"550 5.1.1")
        c.smtp_ask(b"DATA", b"503")
    assert office.collect(user) == [BODY]


# ---- threat 38 ----

US, THEM, ADDRESS = b"example.org", b"else.where", b"127.0.0.1"
# What nmap's smtp-open-relay tries: sender, recipient.
NMAP = [
    (b"", b"relaytest@" + THEM),
    (b"antispam@" + THEM, b"relaytest@" + THEM),
    (b"antispam@" + US, b"relaytest@" + THEM),
    (b"antispam@[" + ADDRESS + b"]", b"relaytest@" + THEM),
    (b"antispam@" + US, b"relaytest%" + THEM + b"@[" + ADDRESS + b"]"),
    (b"antispam@" + US, b"relaytest%" + THEM + b"@" + US),
    (b"antispam@" + US, b"\"relaytest@" + THEM + b"\""),
    (b"antispam@" + US, b"\"relaytest%" + THEM + b"\""),
    (b"antispam@" + US, b"relaytest@" + THEM + b"@[" + ADDRESS + b"]"),
    (b"antispam@" + US, b"\"relaytest@" + THEM + b"\"@[" + ADDRESS + b"]"),
    (b"antispam@" + US, b"relaytest@" + THEM + b"@" + US),
    (b"antispam@" + US, b"@[" + ADDRESS + b"]:relaytest@" + THEM),
    (b"antispam@" + US, b"@" + US + b":relaytest@" + THEM),
    (b"antispam@" + US, THEM + b"!relaytest"),
    (b"antispam@" + US, THEM + b"!relaytest@[" + ADDRESS + b"]"),
    (b"antispam@" + US, THEM + b"!relaytest@" + US),
]


@pytest.mark.parametrize("utf8", [b"", b" SMTPUTF8"])
def test_no_open_relay(office, utf8):
    for sender, rcpt in NMAP:
        with office.smtp() as c:
            c.smtp_ask(b"MAIL FROM:<" + sender + b">" + utf8)
            answer = c.smtp_ask(b"RCPT TO:<" + rcpt + b">", b"5")
            assert answer[:3] in (b"550", b"501"), (rcpt, answer)
            c.smtp_ask(b"DATA", b"503")
            c.say(b"BDAT 6 LAST\r\nx: y\r\n")
            c.reply(b"503")


# ---- threat 45 ----

def test_a_lost_answer_brings_a_copy(office, user):
    """docs/decisions/0011: acknowledged or not, a message is kept as often as
    it was sent, never more, never less."""
    for n in range(1, 4):
        c = office.smtp()
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
        c.smtp_ask(b"DATA", b"354")
        c.say(b"Message-ID: <same@example.net>\r\n\r\nx\r\n.\r\n")
        c.close()  # before the 250 came
        end = time.monotonic() + 20
        while len(office.collect(user)) < n and time.monotonic() < end:
            time.sleep(0.02)
        assert len(office.collect(user)) == n


# ---- threat 42 ----

def test_a_flood_of_recipients(office, user):
    """RFC 5321 section 4.5.3.1.8: what is past the limit is refused, and
    nothing of it is kept."""
    rcpt = b"RCPT TO:<" + user.encode() + b">\r\n"
    with office.smtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@b.c>")
        for n in range(12):
            c.say(rcpt * 500)
            for _ in range(500):
                c.reply(b"250" if n < 2 else b"452 4.5.3")
        c.smtp_ask(b"DATA", b"354")
        c.say(to_wire(BODY))
        c.reply(b"250")
    assert office.collect(user) == [BODY]
