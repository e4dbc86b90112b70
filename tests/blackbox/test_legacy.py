"""Old programs: APOP, CRAM-MD5, SCRAM-SHA-1 and logins without TLS, where a
listener offers them, each with a secret that opens nothing else."""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import sqlite3
import subprocess
import time

import pytest

from post_office import (PASSWORD, SANITIZED, Line, PostOffice, next_source,
                         strip_trace)
from scram import Scram, login

MECHANISMS = ("apop", "cram-md5", "scram-sha-1", "without-tls")
DENIED = b"-ERR [AUTH] wrong name or password"
MAIL = b"Subject: x\r\n\r\nbody\r\n"
# RFC 822: msg-id = "<" addr-spec ">", in printable ASCII, of atoms and dots.
MSG_ID = re.compile(rb"<[0-9a-zA-Z.-]+@[0-9a-zA-Z.-]+>")
GREETINGS = int(os.environ.get("YUBIN_GREETINGS",
                               "500" if SANITIZED else "5000"))


def legacy_port(office):
    return office.base + 111  # the harness takes even ones beside it


def tls_legacy_port(office):
    return office.base + 996


@pytest.fixture(scope="module")
def old():
    """The usual listeners, one for old programs in clear and by STLS, and
    one that has all of it but within TLS alone."""
    office = PostOffice()
    office.set("plain_login", "never")
    office.set("hostname", "mail.example.org")
    words = ", ".join(MECHANISMS)
    office.replace(
        f'pop3: {{address: ["127.0.0.1:{office.pop3_port}"], tls: starttls}}',
        f'pop3:\n    - {{address: ["127.0.0.1:{office.pop3_port}"]}}\n'
        f'    - {{address: ["127.0.0.1:{legacy_port(office)}"], '
        f'legacy: [{words}]}}')
    office.replace(
        f'pop3s: {{address: ["127.0.0.1:{office.pop3s_port}"], '
        'tls: implicit}',
        f'pop3s:\n    - {{address: ["127.0.0.1:{office.pop3s_port}"], '
        'tls: implicit}\n'
        f'    - {{address: ["127.0.0.1:{tls_legacy_port(office)}"], '
        'tls: implicit, legacy: [apop, cram-md5, scram-sha-1]}')
    office.start()
    yield office
    office.close()


@pytest.fixture
def box(old):
    """An account with a secret for each mechanism."""
    user = old.add_account()
    old.deliver(user, MAIL)
    return user, {m: allow(old, user, m)["password"] for m in MECHANISMS}


def legacy(office, *args, **more):
    return office.run("account", "legacy", *args, **more)


def allow(office, user, *args):
    return json.loads(legacy(office, "allow", "--json", user, *args).stdout)


@contextlib.contextmanager
def connect(office, port, tls=False):
    line = Line(("127.0.0.1", port), office.tls_context() if tls else None,
                source=next_source())
    try:
        yield line, line.line()
    finally:
        line.close()


def old_line(office):
    return connect(office, legacy_port(office))


def b64(octets):
    return base64.b64encode(octets)


def apop(line, greeting, user, secret):
    stamp = MSG_ID.search(greeting).group()
    digest = hashlib.md5(stamp + secret.encode()).hexdigest()
    line.say(f"APOP {user} {digest}\r\n".encode())
    return line.line()


def cram(line, user, secret):
    line.say(b"AUTH CRAM-MD5\r\n")
    challenge = line.line()
    assert challenge.startswith(b"+ "), challenge
    stamp = base64.b64decode(challenge[2:], validate=True)
    assert MSG_ID.fullmatch(stamp), stamp
    digest = hmac.new(secret.encode(), stamp, "md5").hexdigest()
    line.say(b64(f"{user} {digest}".encode()) + b"\r\n")
    return line.line()


def user_pass(line, user, secret):
    line.say(f"USER {user}\r\nPASS {secret}\r\n".encode())
    return [line.line(), line.line()][1]


def plain(line, user, secret):
    line.say(b"AUTH PLAIN " + b64(f"\0{user}\0{secret}".encode()) + b"\r\n")
    return line.line()


def sha_1(line, user, secret):
    return login(line, Scram(user, secret, digest="sha1"), b"SCRAM-SHA-1")[0]


def answers(office, user, secret):
    """What each way of the old listener says of a secret."""
    told = {}
    for name, how in (("cram-md5", cram), ("scram-sha-1", sha_1),
                      ("USER", user_pass), ("PLAIN", plain)):
        # Commands take their time there; the other build does all.
        if SANITIZED and name in ("scram-sha-1", "PLAIN"):
            continue
        with old_line(office) as (line, _):
            told[name] = how(line, user, secret)
        if name == "scram-sha-1":
            # Not slowed down: that is what test_guessing.py is about.
            office.run("auth", "forgive", user, code=None)
    with old_line(office) as (line, greeting):
        told["apop"] = apop(line, greeting, user, secret)
    office.run("auth", "forgive", user, code=None)
    return told


def capa(line):
    line.say(b"CAPA\r\n")
    assert line.line().startswith(b"+OK")
    found = []
    while (got := line.line()) != b".":
        found.append(got)
    return found


def test_each_opens_its_door_only(old, box):
    user, secrets = box
    doors = {"apop": {"apop"}, "cram-md5": {"cram-md5"},
             "scram-sha-1": {"scram-sha-1"}, "without-tls": {"USER", "PLAIN"}}
    for mechanism, secret in secrets.items():
        for door, answer in answers(old, user, secret).items():
            right = answer.startswith(b"+OK 1 ")
            assert right == (door in doors[mechanism]), (mechanism, door)
            assert right or answer == DENIED
        # None of them is a password where TLS is.
        with connect(old, old.pop3s_port, True) as (line, _):
            assert user_pass(line, user, secret) == DENIED
        with connect(old, old.pop3s_port, True) as (line, _):
            assert login(line, Scram(user, secret))[0] == DENIED
    # The main password opens none of these doors, remembered or not.
    with connect(old, old.pop3s_port, True) as (line, _):
        assert user_pass(line, user, PASSWORD).startswith(b"+OK")
    assert set(answers(old, user, PASSWORD).values()) == {DENIED}
    with connect(old, legacy_port(old)) as (line, _):
        line.ask(b"STLS")
        line.starttls(old.tls_context())
        assert user_pass(line, user, secrets["without-tls"]) == DENIED
        assert user_pass(line, user, PASSWORD).startswith(b"+OK")


def test_only_what_is_offered(old, box):
    """Threats 14 and 15: the default greeting has no timestamp, and no
    listener offers what its configuration does not have."""
    user, secrets = box
    for port, tls in ((old.pop3_port, False), (old.pop3s_port, True)):
        with connect(old, port, tls) as (line, greeting):
            assert b"<" not in greeting
            assert not re.search(rb"CRAM-MD5|SHA-1|APOP",
                                 b"\n".join(capa(line)))
            line.say(b"APOP " + user.encode() + b" " + b"0" * 32 + b"\r\n")
            assert line.line() == b"-ERR unknown command"
            for name in (b"CRAM-MD5", b"SCRAM-SHA-1", b"APOP"):
                line.say(b"AUTH " + name + b"\r\n")
                assert line.line().startswith(b"-ERR")
    with old_line(old) as (line, greeting):
        assert len(MSG_ID.findall(greeting)) == 1
        assert greeting.endswith(b"@mail.example.org>")
        assert all(0x20 <= c < 0x7f for c in greeting)
        assert b"SASL PLAIN LOGIN SCRAM-SHA-1 CRAM-MD5" in capa(line)
        # What has no secret for it in clear is not there.
        line.say(b"AUTH SCRAM-SHA-256\r\n")
        assert line.line().startswith(b"-ERR")
        # No command of AUTH is APOP.
        line.say(b"AUTH APOP\r\n")
        assert line.line().startswith(b"-ERR")
    with connect(old, tls_legacy_port(old), True) as (line, greeting):
        assert MSG_ID.search(greeting)
        assert b"SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN " \
            b"SCRAM-SHA-1 CRAM-MD5" in capa(line)
        assert apop(line, greeting, user, secrets["apop"]).startswith(b"+OK")
    with connect(old, tls_legacy_port(old), True) as (line, _):
        assert user_pass(line, user, PASSWORD).startswith(b"+OK")


def test_tls_unless_clear_is_allowed(new_office):
    """Threat 15: APOP only within TLS, unless the listener says otherwise."""
    office = new_office(start=False)
    office.set("plain_login", "never")
    office.replace("tls: starttls}\n  # mail out, TLS from",
                   "tls: starttls, legacy: apop}\n  # mail out, TLS from")
    office.start()
    user = office.add_account()
    secret = allow(office, user, "apop")["password"]
    with connect(office, office.pop3_port) as (line, greeting):
        assert MSG_ID.search(greeting)
        assert apop(line, greeting, user, secret).startswith(b"-ERR")
        line.ask(b"STLS", b"+OK")
        line.starttls(office.tls_context())
        assert apop(line, greeting, user, secret).startswith(b"+OK")


def test_nobody_is_like_somebody(old, box):
    """Threat 8: the same words for a wrong secret, for somebody without any,
    and for nobody."""
    user, _ = box
    bare = old.add_account()
    told = [answers(old, who, f"k7qf-m2xw-9trd-hz4c-{n}")
            for n, who in enumerate((user, bare, "nobody@example.org"))]
    assert all(set(t.values()) == {DENIED} for t in told)
    # SCRAM-SHA-1 tells salt and count before anything is proved.
    said = []
    for who in (user, bare, "nobody@example.org", "nobody@example.org"):
        with old_line(old) as (line, _):
            scram = Scram(who, "x", digest="sha1")
            login(line, scram, b"SCRAM-SHA-1")
            said.append((scram.salt, scram.iterations))
        old.run("auth", "forgive", who, code=None)
    assert said[2] == said[3] and len({s for s, _ in said}) == 3
    assert {n for _, n in said} == {4096} and {len(s) for s, _ in said} == {16}


def test_malformed(old, box):
    user, _ = box
    for text in (b"APOP", b"APOP " + user.encode(), b"APOP  x y",
                 b"APOP a b c", b"APOP a " + b"0" * 31, b"APOP a " + b"g" * 32,
                 b"APOP a " + b"0" * 33):
        with old_line(old) as (line, _):
            line.say(text + b"\r\n")
            assert line.line().startswith(b"-ERR"), text
            line.ask(b"CAPA")
    for text in (b"", b"x", user.encode(), user.encode() + b" " + b"0" * 31,
                 b" " + b"0" * 32, b"\xff " + b"0" * 32):
        with old_line(old) as (line, _):
            line.say(b"AUTH CRAM-MD5\r\n")
            line.line()
            line.say(b64(text) + b"\r\n")
            assert line.line().startswith(b"-ERR"), text
    with old_line(old) as (line, _):
        # RFC 5034: no initial response where the server speaks first.
        line.say(b"AUTH CRAM-MD5 " + b64(b"x " + b"0" * 32) + b"\r\n")
        assert line.line().startswith(b"-ERR")
        line.say(b"AUTH CRAM-MD5\r\n")
        line.line()
        line.say(b"*\r\n")
        assert line.line().startswith(b"-ERR")


def test_timestamps_never_repeat(old):
    """Threat 12: many greetings, over a death of all workers too; more where
    YUBIN_GREETINGS says so (the generator itself: test_digest.c)."""
    seen = set()
    for i in range(GREETINGS):
        if i == GREETINGS // 2:
            old.restart()
        with Line(("127.0.0.1", legacy_port(old))) as line:
            seen.add(MSG_ID.search(line.line()).group())
    assert len(seen) == GREETINGS


def test_list_and_revoke(old, box):
    user, secrets = box
    since = len(old.log())
    assert answers(old, user, secrets["apop"])["apop"].startswith(b"+OK")
    rows = json.loads(legacy(old, "list", "--json", user).stdout)
    assert [r["mechanism"] for r in rows] == list(MECHANISMS)
    assert [r["name"] for r in rows] == [m + "-1" for m in MECHANISMS]
    year = 365 * 86400
    for r in rows:
        assert r["address"] == user and r["kind"] == "legacy"
        assert abs(r["expires"] - time.time() - year) < 3600
        assert (r["last_used"] is not None) == (r["mechanism"] == "apop")
    text = legacy(old, "list").stdout.decode()
    assert user in text and "cram-md5" in text
    assert not any(s in text for s in secrets.values())
    everyone = json.loads(legacy(old, "list", "--json").stdout)
    assert [r for r in everyone if r["address"] == user] == rows
    # Its session ends within a second.
    with old_line(old) as (line, greeting):
        assert apop(line, greeting, user, secrets["apop"]).startswith(b"+OK")
        legacy(old, "revoke", user, "apop-1")
        began = time.monotonic()
        assert line.line().startswith(b"-ERR [AUTH]")
        assert time.monotonic() - began < (5 if SANITIZED else 1)
    with old_line(old) as (line, greeting):
        assert apop(line, greeting, user, secrets["apop"]) == DENIED
    assert len(json.loads(legacy(old, "list", "--json", user).stdout)) == 3
    old.wait_log(rf"event=login_failed .*user={re.escape(user)} "
                 "mechanism=APOP reason=wrong_password", since)
    # It is an ordinary login failure for those who keep attackers out.
    assert not any(s in old.log() for s in secrets.values())


def test_command_refuses(old, box):
    user, _ = box
    assert b"none of apop" in legacy(old, "allow", user, "ntlm",
                                     code=2).stderr
    assert b"end date" in legacy(old, "allow", "--expires", "2001-01-01",
                                 user, "apop", code=1).stderr
    assert b"no account" in legacy(old, "allow", "x@example.net", "apop",
                                   code=1).stderr
    assert b"no device" in legacy(old, "revoke", user, "nothing",
                                  code=1).stderr
    assert allow(old, user, "apop")["name"] == "apop-2"


def test_limits_of_a_secret(old, box):
    """An end, networks, and no right to delete."""
    user, _ = box
    near = allow(old, user, "--from", "127.0.0.0/8", "--no-delete",
                 "without-tls", "near")["password"]
    far = allow(old, user, "--from", "192.0.2.0/24", "without-tls")["password"]
    with old_line(old) as (line, _):
        assert user_pass(line, user, far) == DENIED
    with old_line(old) as (line, _):
        assert user_pass(line, user, near).startswith(b"+OK 1 ")
        line.say(b"DELE 1\r\n")
        assert line.line().startswith(b"-ERR")


def test_end(new_office):
    """Behind its last day: the same words as for a wrong one."""
    office = new_office(start=False)
    office.replace("tls: starttls}\n  # mail out, TLS from",
                   "tls: starttls, legacy: [apop]}\n  # mail out, TLS from")
    user = office.add_account()
    made = allow(office, user, "--expires", "1", "apop")
    path = os.path.join(office.dir, "auth/directory.db")
    with contextlib.closing(sqlite3.connect(path)) as db:
        owner = os.stat(path)
        db.execute("UPDATE credentials SET expires = ? WHERE kind = 4",
                   (int(time.time()) - 1,))
        db.commit()
    for name in ("directory.db", "directory.db-wal"):
        with contextlib.suppress(FileNotFoundError):
            os.chown(os.path.join(office.dir, "auth", name), owner.st_uid,
                     owner.st_gid)
    office.start()
    since = len(office.log())
    with connect(office, office.pop3_port) as (line, greeting):
        assert apop(line, greeting, user, made["password"]) == DENIED
    office.wait_log("event=login_failed .*reason=not_allowed_here", since)


def test_reload(new_office):
    """What a listener offers changes with a reload, for those who come."""
    office = new_office()
    with connect(office, office.pop3_port) as (line, greeting):
        assert b"<" not in greeting
    office.replace("tls: starttls}\n  # mail out, TLS from",
                   "tls: starttls, legacy: apop}\n  # mail out, TLS from")
    office.run("reload")
    with connect(office, office.pop3_port) as (line, greeting):
        assert MSG_ID.search(greeting)
    assert b"legacy: [apop]" in office.run("check", "--show").stdout


# ---- real clients ----

def run_client(argv, data=b"", code=0, **more):
    done = subprocess.run(argv, input=data, capture_output=True, timeout=60,
                          **more)
    assert done.returncode == code, (argv, done.stdout, done.stderr)
    return done.stdout


def test_curl(old, box):
    user, secrets = box
    url = f"pop3://127.0.0.1:{legacy_port(old)}/1"
    for mechanism, option in (("apop", "AUTH=+APOP"),
                                  ("cram-md5", "AUTH=CRAM-MD5"),
                              ("without-tls", "AUTH=PLAIN")):
        who = f"{user}:{secrets[mechanism]}"
        got = run_client(["curl", "-sS", "--login-options", option, "-u", who,
                          url])
        assert strip_trace(got) == MAIL, mechanism
        # The main password gets nowhere by it.
        run_client(["curl", "-sS", "--login-options", option, "-u",
                    f"{user}:{PASSWORD}", url], code=67)


@pytest.mark.parametrize("method", ["apop", "cram-md5", "scram-sha-1"])
def test_mpop(old, box, tmp_path, method):
    user, secrets = box
    config = tmp_path / "mpoprc"
    config.write_text(
        f"account x\nhost 127.0.0.1\nport {legacy_port(old)}\ntls off\n"
        f"user {user}\nauth {method}\npassword {secrets[method]}\n"
        f"keep on\nuidls_file {tmp_path}/uidls\n"
        f"delivery mbox {tmp_path}/mbox\n")
    config.chmod(0o600)
    run_client(["mpop", "-C", str(config), "x"])
    assert b"Subject: x" in (tmp_path / "mbox").read_bytes()


@pytest.mark.parametrize("method,name", [("apop", "apop"),
                                         ("cram-md5", "cram-md5")])
def test_fetchmail(old, box, tmp_path, method, name):
    user, secrets = box
    how = "protocol APOP" if method == "apop" else "protocol POP3 auth cram-md5"
    config = tmp_path / "rc"
    config.write_text(
        f"poll 127.0.0.1 port {legacy_port(old)} {how} "
        f"username \"{user}\" password \"{secrets[name]}\" "
        f"sslproto '' mda \"cat >> {tmp_path}/mbox\" keep\n")
    config.chmod(0o600)
    env = dict(os.environ, HOME=str(tmp_path), FETCHMAILHOME=str(tmp_path))
    run_client(["fetchmail", "-f", str(config), "--nosyslog"], env=env)
    assert b"Subject: x" in (tmp_path / "mbox").read_bytes()


def test_mail_pop3client(old, box):
    user, secrets = box
    script = (
        "use Mail::POP3Client; my $p = new Mail::POP3Client("
        f"HOST => '127.0.0.1', PORT => {legacy_port(old)}, "
        f"USER => '{user}', PASSWORD => '{secrets['apop']}', "
        "AUTH_MODE => 'APOP'); print $p->Count, \"\\n\";")
    assert run_client(["perl", "-e", script]).strip() == b"1"


def test_gsasl(old, box):
    """GNU SASL's own program as the client, by hand over POP3."""
    user, secrets = box
    for mechanism, rounds in (("CRAM-MD5", 1), ("SCRAM-SHA-1", 2)):
        with old_line(old) as (line, _):
            p = subprocess.Popen(
                ["gsasl", "--client", f"--mechanism={mechanism}",
                 f"--authentication-id={user}",
                 f"--password={secrets[mechanism.lower()]}",
                 "--authorization-id=", "--no-cb"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE)
            try:
                assert p.stdout.readline().strip() == mechanism.encode()
                answer = line.ask(b"AUTH " + mechanism.encode(), b"+ ")
                if mechanism == "CRAM-MD5":
                    assert p.stdout.readline().strip() == b""
                    p.stdin.write(answer[2:] + b"\n")
                    p.stdin.flush()
                    line.ask(p.stdout.readline().strip(), b"+OK 1 ")
                    continue
                for _ in range(rounds):
                    said = p.stdout.readline().strip()
                    answer = line.ask(said, b"+ ")
                    p.stdin.write(answer[2:] + b"\n")
                    p.stdin.flush()
                line.ask(b"", b"+OK 1 ")
            finally:
                told = p.communicate(timeout=20)[1]
            assert b"mechanism error" not in told, told
