"""Programs that send mail, over SMTP and LMTP."""
import os
import subprocess

import pytest

from post_office import strip_trace

BODY = "Subject: from a sender\r\n\r\n.\r\n..\r\nbody\r\n"


def run(argv, data=b"", code=0):
    done = subprocess.run([str(a) for a in argv], input=data,
                          capture_output=True, timeout=60,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == code, (done.stdout[-2000:], done.stderr[-2000:])
    return done


@pytest.fixture
def msmtp(office, tmp_path):
    def send(lines, users, code=0, more=()):
        rc = tmp_path / "msmtprc"
        rc.write_text("\n".join((
            "account a", "host localhost", "from a@example.net",
            f"tls_trust_file {office.ca}", *lines)) + "\n")
        rc.chmod(0o600)
        return run(["msmtp", "-C", rc, "-a", "a", *more, *users],
                   BODY.replace("\r\n", "\n").encode(), code)
    return send


@pytest.mark.parametrize("lines", [
    ("tls off",), ("tls on", "tls_starttls on"),
    ("tls off", "protocol lmtp"),
], ids=["clear", "starttls", "lmtp"])
def test_msmtp(office, user, msmtp, lines):
    other = office.add_account()
    port = office.lmtp_port if "protocol lmtp" in lines else office.smtp_port
    msmtp((*lines, f"port {port}"), [user, other])
    for address in (user, other):
        [got] = office.collect(address)
        assert got.endswith(BODY.encode())
    # 65: EX_DATAERR, a recipient that was not taken
    msmtp((*lines, f"port {port}"), ["nobody@example.org"], 65)


def test_msmtp_does_not_see_dsn(office, user, msmtp):
    """What is not offered is not asked for: decision 0008."""
    done = msmtp(("tls off", f"port {office.smtp_port}"), [user], 69,
                 ["-N", "success"])
    assert b"DSN" in done.stderr


def test_curl_utf8(office, tmp_path):
    user = office.add_account("郵便@example.org")
    message = tmp_path / "m"
    message.write_bytes(BODY.encode())
    run(["curl", "-sS", "--mail-from", "差出人@example.net", "--mail-rcpt",
         user, "--upload-file", message,
         f"smtp://localhost:{office.smtp_port}"])
    with office.pop3(user) as c:
        got = c.retr(1)
    assert strip_trace(got) == BODY.encode()
    assert got.startswith("Return-Path: <差出人@example.net>".encode())
    assert b" with UTF8SMTP id " in got
