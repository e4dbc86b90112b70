"""Programs that people use, as they use them; those that collect mail are
in test_pop3_clients.py."""
import smtplib
import subprocess

import pytest

import mailgen
from post_office import PASSWORD, strip_trace

MAIL = [m for m in mailgen.messages(60, seed=5) if b"\0" not in m]


def run(argv, data=b"", code=0, timeout=60):
    done = subprocess.run([str(a) for a in argv], input=data,
                          capture_output=True, timeout=timeout)
    assert done.returncode == code, (done.stdout[-2000:],
                                     done.stderr[-2000:])
    return done


@pytest.fixture
def filled(office, user):
    with office.lmtp() as c:
        for body in MAIL:
            c.send_mail([user], body)
    return user


# ---- curl ----

def curl(office, user, url, *more, code=0):
    return run(["curl", "-sS", "--cacert", office.ca, "-u",
                f"{user}:{PASSWORD}", *more, url], code=code).stdout


# The name in the certificate, which is that of the URL.
def pop3_url(office, tail=""):
    return f"pop3://localhost:{office.pop3_port}/{tail}"


def pop3s_url(office, tail=""):
    return f"pop3s://localhost:{office.pop3s_port}/{tail}"


@pytest.mark.parametrize("how", ["plain", "stls", "implicit", "sasl"])
def test_curl_pop3(office, filled, how):
    url = pop3s_url if how == "implicit" else pop3_url
    more = {"stls": ["--ssl-reqd"],
            "sasl": ["--login-options", "AUTH=PLAIN"]}.get(how, [])
    listing = curl(office, filled, url(office), *more)
    assert len(listing.splitlines()) == len(MAIL)
    for n in (1, 7, len(MAIL)):
        got = curl(office, filled, url(office, str(n)), *more)
        assert strip_trace(got) == MAIL[n - 1]
    uidl = curl(office, filled, url(office), *more, "-X", "UIDL")
    assert len(uidl.splitlines()) == len(MAIL)


def test_curl_wrong_password(office, user):
    # 67: login denied
    run(["curl", "-sS", "-u", f"{user}:wrong", pop3_url(office)], code=67)


def test_curl_does_not_trust_strangers(office, user):
    # 60: the certificate is of an authority that curl does not know
    run(["curl", "-sS", "-u", f"{user}:{PASSWORD}", pop3s_url(office)],
        code=60)


@pytest.mark.parametrize("tls", [[], ["--ssl-reqd"]])
def test_curl_smtp(office, user, tmp_path, tls):
    for i, body in enumerate(MAIL[:10]):
        path = tmp_path / str(i)
        path.write_bytes(body)
        run(["curl", "-sS", "--cacert", office.ca, *tls,
             "--mail-from", "a@example.net", "--mail-rcpt", user,
             "--upload-file", path,
             f"smtp://localhost:{office.smtp_port}"])
    assert office.collect(user) == MAIL[:10]


# ---- smtplib ----

def test_smtplib(office, user):
    with smtplib.SMTP("127.0.0.1", office.smtp_port) as s:
        s.ehlo()
        assert {"pipelining", "size", "8bitmime", "enhancedstatuscodes",
                "starttls"} <= set(s.esmtp_features)
        s.starttls(context=office.tls_context())
        s.ehlo()
        assert "starttls" not in s.esmtp_features
        for body in MAIL:
            assert s.sendmail("a@example.net", [user], body) == {}
    assert office.collect(user) == MAIL
    with office.pop3(user) as c:
        head = c.retr(1).split(b"\r\n\r\n")[0]
    assert head.startswith(b"Return-Path: <a@example.net>\r\n"
                           b"Received: from ")
    assert b" with ESMTPS id " in head
    assert f"for <{user}>".encode() in head


def test_smtplib_lmtp(office, user):
    with smtplib.LMTP(office.lmtp_socket) as s:
        for body in MAIL[:5]:
            s.sendmail("a@example.net", [user], body)
    assert office.collect(user) == MAIL[:5]


# ---- swaks ----

def swaks(office, *argv, code=0):
    return run(["swaks", "-n", "-4", *argv], code=code)


@pytest.mark.parametrize("more", [[], ["-tls"], ["--pipeline"]])
def test_swaks_smtp(office, user, more):
    swaks(office, "-s", f"127.0.0.1:{office.smtp_port}", "-f",
          "swaks@example.net", "-t", user, "--body", "from swaks\n.\n..\n",
          *more)
    [body] = office.collect(user)
    assert b"X-Mailer: swaks" in body
    assert b"\r\n\r\nfrom swaks\r\n.\r\n..\r\n" in body


def test_swaks_lmtp(office, user):
    swaks(office, "--protocol", "LMTP", "--socket", office.lmtp_socket,
          "-f", "", "-t", user)
    assert len(office.collect(user)) == 1


def test_swaks_is_refused(office):
    # 24: no recipient was taken
    swaks(office, "-s", f"127.0.0.1:{office.smtp_port}", "-f",
          "a@example.net", "-t", "nobody@else.where", code=24)


# ---- openssl ----

def test_tls_versions(office):
    for port, more in ((office.pop3s_port, ()),
                       (office.pop3_port, ("-starttls", "pop3")),
                       (office.smtp_port, ("-starttls", "smtp"))):
        for version, good in (("-tls1_3", True), ("-tls1_2", True),
                              ("-tls1_1", False)):
            done = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{port}",
                 *more, version, "-CAfile", office.ca, "-verify_return_error",
                 "-verify_hostname", "localhost", "-quiet"],
                input=b"QUIT\r\n", capture_output=True, timeout=30)
            assert (done.returncode == 0) == good, done.stderr


def test_foreign_alpn(office):
    # Threat 4 (ALPACA): other protocols get alert 120.
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{office.pop3s_port}",
         "-alpn", "http/1.1", "-CAfile", office.ca],
        input=b"", capture_output=True, timeout=30)
    assert b"no application protocol" in done.stderr
    good = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{office.pop3s_port}",
         "-alpn", "pop3", "-CAfile", office.ca],
        input=b"QUIT\r\n", capture_output=True, timeout=30)
    assert b"ALPN protocol: pop3" in good.stdout
