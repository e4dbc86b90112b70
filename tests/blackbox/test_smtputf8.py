"""Addresses in UTF-8 (RFC 6531) with the real server."""
import smtplib

import pytest

USER = "用户@example.org"


@pytest.fixture(scope="module")
def international(office):
    return office.add_account(USER)


def last(office, user):
    with office.pop3(user) as c:
        return c.retr(c.stat()[0])


@pytest.mark.parametrize("how", ["smtp", "lmtp"])
def test_utf8_local_part(office, international, how):
    with (office.smtp() if how == "smtp" else office.lmtp()) as c:
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        c.smtp_ask(b"RCPT TO:<" + USER.encode() + b">", b"553 5.6.7")
        c.smtp_ask(b"RSET")
        c.smtp_ask(b"MAIL FROM:<" + USER.encode() + b">", b"550 5.6.7")
        c.smtp_ask(b"MAIL FROM:<" + USER.encode() + b"> SMTPUTF8 "
                   b"BODY=8BITMIME")
        c.smtp_ask("RCPT TO:<没有@example.org>".encode(), b"550 5.1.1")
        c.smtp_ask(b"RCPT TO:<" + USER.encode() + b">")
        c.smtp_ask(b"DATA", b"354")
        c.say("Subject: 件名\r\n\r\n本文\r\n.\r\n".encode())
        c.reply(b"250")
    got = last(office, international)
    assert got.startswith(f"Return-Path: <{USER}>\r\n".encode())
    # RFC 6531 section 4.3.
    assert b" with UTF8" + how.upper().encode() + b" id " in got
    assert f"for <{USER}>".encode() in got
    assert got.endswith("Subject: 件名\r\n\r\n本文\r\n".encode())


def test_smtplib_sends_utf8(office, international):
    with smtplib.SMTP("127.0.0.1", office.smtp_port) as s:
        s.ehlo()
        assert s.has_extn("smtputf8")
        s.sendmail("送信@example.net", [USER],
                   "Subject: 件名\r\n\r\nx\r\n".encode(),
                   mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    assert "Return-Path: <送信@example.net>".encode() in last(
        office, international)


def test_deliver(office, international):
    office.run("deliver", "-f", "送信@example.net", USER,
               data=b"Subject: delivered\n\nx\n")
    got = last(office, international)
    assert b"Subject: delivered" in got and b" with UTF8LMTP id " in got


def test_nothing_of_utf8_in_a_log_line_is_raw(office, international):
    """Threats 41, 58: truncated UTF-8 is a syntax error, and not logged."""
    mark = len(office.log())
    with office.smtp() as c:
        for wrong in (b"\xc3", b"\xff", b"\xed\xa0\x80", b"\xc2\x9b"):
            c.smtp_ask(b"MAIL FROM:<a" + wrong + b"@b.c> SMTPUTF8",
                       b"501 5.1.7")
        c.smtp_ask(b"QUIT", b"221")
    office.wait_log("service=smtp", mark)
    assert office.log()[mark:].isascii()
