"""What the log says, what it never says, and that nobody can forge it."""
import base64
import os
import re
import socket
import time

from post_office import PASSWORD, PATIENCE

LINE = re.compile(
    r'ts=\S+Z level=(?:debug|info|warn|error) proc=\S+ event=\S+'
    r'(?: [a-z_0-9]+=(?:[^\s"=\\]+|"(?:[^"\\\x00-\x1f\x7f-\xff]|'
    r'\\["\\]|\\x[0-9a-f]{2})*"))*')


def fields(line):
    return {k: v.strip('"') for k, v in
            re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line)}


def sessions(office, since, n):
    """The summary lines since then, once there are n."""
    office.wait_log("(?s)" + ".*".join(["event=session"] * n), since)
    return [fields(line) for line in office.log()[since:].split("\n")
            if "event=session" in line]


def test_one_summary_a_session(office, user):
    since = len(office.log())
    office.deliver(user, b"Subject: x\r\n\r\nbody\r\n")
    with office.pop3(user, tls=True) as c:
        octets = len(c.retr(1))
        c.ask(b"TOP 1 0")
        c.multi()
        c.ask(b"DELE 1")
        c.ask(b"NOPE", b"-ERR")
        c.ask(b"QUIT")
    got = sessions(office, since, 2)
    assert len(got) == 2
    lmtp = next(s for s in got if s["service"] == "lmtp")
    assert lmtp["accepted"] == "1" and lmtp["end"] == "quit"
    pop3 = next(s for s in got if s["service"] == "pop3")
    assert (pop3["account"], pop3["retr"], pop3["top"], pop3["dele"],
            pop3["errors"], pop3["end"]) == (user, "1", "1", "1", "1",
                                             "quit")
    assert int(pop3["out"]) > octets and pop3["tls"].startswith("TLSv1.")
    assert len({s["session"] for s in got}) == 2


def test_tls_is_logged(office, user):
    """RFC 8314 section 4: version and cipher of each connection."""
    since = len(office.log())
    with office.pop3(user, tls=True) as c:
        cipher, version, _ = c.sock.cipher()
        c.ask(b"QUIT")
    with office.pop3(user) as c:
        c.ask(b"QUIT")
    with_tls, without = sessions(office, since, 2)
    assert with_tls["cipher"] == cipher
    assert with_tls["tls"] == version
    assert "cipher" not in without and "tls" not in without


def test_why_sessions_end(office, user):
    since = len(office.log())
    with office.pop3(user):
        pass
    with office.pop3() as c:
        c.say(b"GET / HTTP/1.1\r\n")
        c.rest()
    ends = {s["end"] for s in sessions(office, since, 2)}
    assert ends == {"hung up", "spoke HTTP"}


def test_a_flood_of_strangers_is_counted(new_office):
    # Threat 58: nobody fills the disk with lines by knocking.
    office = new_office(start=False)
    office.set("workers", 1)
    office.start()
    user = office.add_account()
    since = len(office.log())
    for _ in range(1500):
        socket.create_connection(("127.0.0.1", office.pop3_port)).close()
    # Who logs in has a line, flood or not.
    with office.pop3(user) as c:
        c.ask(b"QUIT")
    office.wait_log(f"event=session .*account={user}", since)
    end = time.monotonic() + PATIENCE
    while True:
        lines = [fields(x) for x in office.log()[since:].splitlines()]
        told = [x for x in lines if x["event"] == "session" and
                "account" not in x]
        left_out = sum(int(x["lines"]) for x in lines
                       if x["event"] == "suppressed")
        if len(told) + left_out == 1500:
            break
        assert time.monotonic() < end, (len(told), left_out)
        time.sleep(0.05)
    assert left_out > 0


def test_uidls_before_and_after(office, user):
    for n in range(2):
        office.deliver(user, b"%d\r\n" % n)
    since = len(office.log())
    for verb in (b"NOOP", b"DELE 1", b"NOOP"):
        with office.pop3(user) as c:
            c.ask(verb)
            c.ask(b"QUIT")
    office.wait_log("(?s)" + ".*".join([f"account={user}"] * 3), since)
    first, second, third = (
        fields(line) for line in office.log()[since:].split("\n")
        if f"account={user}" in line)
    assert first["uidls"] == first["uidls_left"] == second["uidls"]
    assert second["uidls_left"] == third["uidls"] != second["uidls"]


NASTY = [
    b"x\r\nts=2026-01-01T00:00:00.000Z level=info event=forged",
    b"x\nevent=forged", b"x level=error event=forged", b"x\" event=forged",
    b"x\\\" event=forged", b"x\x1b[2Jforged", b"%n%n%s%x",
    "\u202eforged\u2066".encode(), b"\xff\xfe\x80", b"x" * 60000,
    b"x\x7f\x01\x0b\x85", b"=", b"'", b"`id`", b"$(id)", b"<script>",
]


def test_nobody_forges_lines(office, user):
    # Threat 58.
    since = len(office.log())
    for text in NASTY:
        clean = text.replace(b"\0", b"")
        with office.pop3() as c:
            c.say(b"USER " + clean + b"\r\nPASS x\r\n" + clean +
                  b"\r\nQUIT\r\n")
            c.rest()
        with office.pop3() as c:
            c.say(b"AUTH PLAIN " + base64.b64encode(
                b"\0" + clean[:8000] + b"\0x") + b"\r\nQUIT\r\n")
            c.rest()
        for make in (office.smtp, office.lmtp):
            with make(hello=False) as c:
                hello = b"EHLO " if make == office.smtp else b"LHLO "
                c.say(hello + clean + b"\r\nMAIL FROM:<" + clean +
                      b"@b.c>\r\nRCPT TO:<" + clean + b">\r\n" + clean +
                      b"\r\nQUIT\r\n")
                c.rest()
    office.run("status")
    text = office.log()[since:]
    lines = [line for line in text.split("\n") if line]
    for line in lines:
        assert LINE.fullmatch(line), line[:300]
        assert fields(line).get("event") != "forged"
        assert len(line) < 8192
    assert "\x1b" not in text and "\u202e" not in text


def test_no_password_is_logged(new_office):
    office = new_office()
    word = "correct-horse-battery"
    user = office.add_account("rider", word)
    blob = base64.b64encode(f"\0{user}\0{word}".encode())
    wrong = word + "x"
    with office.pop3(user, word) as c:
        c.ask(b"QUIT")
    for first in (b"AUTH PLAIN " + blob, b"PASS " + word.encode(),
                  b"USER " + word.encode(), b"USER x y " + word.encode()):
        with office.pop3() as c:
            c.ask(first, b"")
    with office.pop3() as c:
        c.ask(b"USER " + user.encode())
        c.ask(b"PASS " + wrong.encode(), b"-ERR")
        c.ask(b"AUTH LOGIN", b"+ ")
        c.ask(base64.b64encode(user.encode()), b"+ ")
        c.ask(base64.b64encode(wrong.encode()), b"-ERR")
    office.run("account", "password", user, "--password-stdin",
               data=(word + "-new").encode() + b"\n")
    office.stop()
    text = office.log()
    for secret in (word, base64.b64encode(word.encode()).decode()[:20],
                   blob.decode(), PASSWORD + "-"):
        assert secret not in text


def test_log_file(new_office):
    office = new_office(start=False)
    path = os.path.join(office.folder, "d", "yubin.log")
    office.set("log", path)
    office.start(log_path=path)
    user = office.add_account()
    with office.pop3(user) as c:
        c.ask(b"QUIT")
    office.wait_log("event=session")
    assert os.path.getsize(office.stderr_path) == 0
    assert os.stat(path).st_mode & 0o007 == 0
