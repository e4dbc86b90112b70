"""OAUTHBEARER (RFC 7628) and XOAUTH2, with a server that knows the tokens."""
import base64
import contextlib
import json
import os
import shutil
import subprocess
import threading
import time

import pytest

import introspection
from certificates import make_certificate
from introspection import CLIENT, SECRET, Introspection
from post_office import PASSWORD, Line, PostOffice, next_source

DENIED = b"-ERR [AUTH] "
TIMEOUT_MS = 700


def configure(office, **keys):
    """Writes the section; True or a number stand as they are."""
    with open(office.config, encoding="utf-8") as f:
        text = f.read()
    text = text.split("\n# oauth of the test\n")[0]
    text += "\n# oauth of the test\noauth:\n" + "".join(
        f"  {k}: {json.dumps(v)}\n" for k, v in keys.items())
    with open(office.config, "w", encoding="utf-8") as f:
        f.write(text)


def settings(office, server, **more):
    secret = os.path.join(office.dir, "client.secret")
    if not os.path.exists(secret):
        with open(secret, "w", encoding="utf-8") as f:
            f.write(SECRET + "\n")
        os.chmod(secret, 0o600)
    return {"introspection_url": server.url, "client_id": CLIENT,
            "client_secret_file": "client.secret", "audience": "mail",
            "scope": "mail", "timeout": TIMEOUT_MS,
            "openid_configuration": "https://id.example.org/.well-known",
            **more}


@pytest.fixture(scope="module")
def office():
    made = PostOffice()
    try:
        made.replace("listeners:\n",
                     "listeners:\n  auth: {address: [\"run/auth\"]}\n")
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def server(office):
    pem, key = make_certificate(office.folder, "id", "localhost")
    server = Introspection((pem, key))
    configure(office, **settings(office, server, ca=pem))
    office.run("reload")
    yield server
    server.close()


def bearer(user, token, more=""):
    name = f"a={user}" if user else ""
    return f"n,{name},\x01{more}auth=Bearer {token}\x01\x01"


def xoauth2(user, token):
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


FORMS = {"OAUTHBEARER": bearer, "XOAUTH2": xoauth2}


def b64(text):
    return base64.b64encode(text.encode())


def auth(c, mechanism, user, token, initial=True):
    """What the server answers: "+ JSON" as well as the last line."""
    message = b64(FORMS[mechanism](user, token))
    if initial:
        c.say(b"AUTH " + mechanism.encode() + b" " + message + b"\r\n")
    else:
        c.say(b"AUTH " + mechanism.encode() + b"\r\n")
        assert c.line() == b"+ "
        c.say(message + b"\r\n")
    line = c.line()
    if not line.startswith(b"+ "):
        return line, None
    said = json.loads(base64.b64decode(line[2:]))
    # RFC 7628 section 3.2.3: "a single %x01"; XOAUTH2: an empty response.
    c.say(b"AQ==\r\n" if mechanism == "OAUTHBEARER" else b"\r\n")
    return c.line(), said


@pytest.mark.parametrize("mechanism", FORMS)
@pytest.mark.parametrize("initial", [True, False])
def test_good(office, server, user, mechanism, initial):
    office.deliver(user, b"Subject: x\r\n\r\ny\r\n")
    token = f"good-{user}-{mechanism}-{initial}".replace("@", "~")
    server.good(token, user)
    for _ in range(3):  # asked about once, remembered after that
        with office.pop3(tls=True) as c:
            assert auth(c, mechanism, user, token,
                        initial)[0].startswith(b"+OK")
            assert c.stat()[0] == 1
    assert server.times(token) == 1


def test_answers_are_alike(office, server, user):
    """Threat 8: one answer for whatever is wrong with a token."""
    other = office.add_account()
    good = {"active": True, "username": user, "aud": "mail",
            "scope": "mail", "exp": int(time.time()) + 600}
    server.tokens.update({
        "expired": {**good, "exp": int(time.time()) - 5},
        "inactive": {"active": False},
        "audience": {**good, "aud": ["web", "mailx"]},
        "no-audience": {k: v for k, v in good.items() if k != "aud"},
        "scope": {**good, "scope": "openid mailx"},
        "user": {**good, "username": other},
        "nameless": {k: v for k, v in good.items() if k != "username"},
        "number": {**good, "username": 7},
    })
    reasons = {"expired": "wrong_token", "inactive": "wrong_token",
               "unknown": "wrong_token", "audience": "token_audience",
               "no-audience": "token_audience", "scope": "token_scope",
               "user": "token_user", "nameless": "token_user",
               "number": "token_user"}
    seen = set()
    for mechanism in FORMS:
        answers = set()
        for token, reason in reasons.items():
            # It looks no different for an account that is not there.
            for who in (user, "nobody@example.org")[:1 + (
                    token in ("inactive", "user"))]:
                mark = len(office.log())
                with office.pop3(tls=True) as c:
                    last, said = auth(c, mechanism, who, token)
                    # The connection goes on.
                    assert c.ask(b"CAPA") and c.multi()
                answers.add((last, json.dumps(said)))
                office.wait_log(rf"event=login_failed [^\n]*user={who} "
                                rf"mechanism={mechanism} "
                                rf"reason={reason if who == user else ''}",
                                mark)
        assert len(answers) == 1, answers
        seen |= answers
    assert seen == {
        (b"-ERR [AUTH] wrong name or password", json.dumps({
            "status": "invalid_token", "scope": "mail",
            "openid-configuration": "https://id.example.org/.well-known"})),
        (b"-ERR [AUTH] wrong name or password", json.dumps({
            "status": "401", "schemes": "bearer", "scope": "mail"}))}


def test_rfc_7628_exchange(office, server, user):
    """Section 4.3: a query for the scope, ended by AQ== and by "*"."""
    for end in (b"AQ==", b"*", b""):
        with office.pop3(tls=True) as c:
            c.say(b"AUTH OAUTHBEARER " + b64(
                f"n,a={user},\x01host=server.example.com\x01port=143\x01"
                "auth=\x01\x01") + b"\r\n")
            said = json.loads(base64.b64decode(c.expect(b"+ ")[2:]))
            assert said["status"] == "invalid_token"
            c.ask(end, DENIED)
            c.say(b"AUTH OAUTHBEARER AQ==\r\n")
            c.expect(b"-ERR")
            c.say(b"AUTH OAUTHBEARER " + b64("n,,\x01auth=Basic x\x01\x01") +
                  b"\r\n")
            said = json.loads(base64.b64decode(c.expect(b"+ ")[2:]))
            assert said == {"status": "invalid_request"}
            c.ask(b"AQ==", b"-ERR")


def test_offered_over_tls_only(office, server, user):
    with office.pop3() as c:
        c.ask(b"CAPA")
        assert b"OAUTH" not in c.multi()
        c.ask(b"AUTH OAUTHBEARER", b"-ERR")
        c.ask(b"STLS")
        c.starttls(office.tls_context())
        c.ask(b"CAPA")
        sasl = next(w for w in c.multi().split(b"\r\n")
                    if w.startswith(b"SASL ")).split()
        assert b"OAUTHBEARER" in sasl and b"XOAUTH2" in sasl
        token = "over-stls"
        server.good(token, user)
        assert auth(c, "OAUTHBEARER", "", token)[0].startswith(b"+OK")


def test_long_tokens(office, server, user):
    """RFC 5034 section 4: lines of up to 12,288 octets."""
    frame = len(bearer(user, ""))
    token = "t" * (12288 // 4 * 3 - frame)
    server.good(token, user)
    with office.pop3(tls=True) as c:
        message = b64(bearer(user, token))
        assert len(message) == 12288
        c.ask(b"AUTH OAUTHBEARER", b"+ ")
        # The line end counts, so one group of base64 has to go.
        c.ask(message, b"-ERR")
    token = token[:-6]
    server.good(token, user)
    with office.pop3(tls=True) as c:
        c.ask(b"AUTH OAUTHBEARER", b"+ ")
        c.ask(b64(bearer(user, token)))
    assert server.times(token) == 1


def test_nobody_knows(office, server, user):
    """Whatever comes but an answer is nobody's failed login, and nobody
    else waits for it."""
    server.tokens.update({
        "late": introspection.wait(5), "drip": introspection.drip,
        "garbage": introspection.raw(b"\x00\xff{[nothing"),
        "empty": introspection.raw(b""),
        "array": introspection.raw(b"[true]"),
        "twice": introspection.raw(b'{"active":false,"active":true}'),
        "text": introspection.raw(b'{"active":"true"}'),
        "deep": introspection.raw(b"[" * 15000),
        "huge": introspection.raw(b'{"active":true,"x":"' + b"x" * 20000 +
                                  b'"}'),
        "endless": introspection.endless,
        "endless-head": introspection.endless_head,
        "moved": introspection.raw(b"", 307, [("Location", server.url)]),
        "error": introspection.raw(b"{}", 500),
        "no-content": introspection.raw(b"", 204),
    })
    before = len(office.log())
    for token in server.tokens.copy():
        if not callable(server.tokens[token]):
            continue
        begun = time.monotonic()
        with office.pop3(tls=True) as c:
            last, said = auth(c, "XOAUTH2", user, token)
            assert last.startswith(b"-ERR [SYS/TEMP]"), (token, last)
            assert said is None
        assert time.monotonic() - begun < 4, token
        assert server.times(token) == 1, token  # 307 was not followed
    assert "login_failed" not in office.log()[before:]
    # Nothing of it was remembered, and the address has a clean sheet.
    server.good("late", user)
    with office.pop3(tls=True) as c:
        assert auth(c, "XOAUTH2", user, "late")[0].startswith(b"+OK")


def own_settings(office, server, **more):
    return settings(office, server,
                    ca=os.path.join(office.folder, "id.pem"), **more)


def test_others_do_not_wait(office, server, user):
    """Passwords pass tokens by that nobody answers for, from one address."""
    configure(office, **own_settings(office, server, timeout=30000))
    office.run("reload")
    source = next_source()
    server.tokens["never"] = introspection.wait(30)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(
            office.pop3(tls=True, source=source)) for _ in range(20)]
        for c in clients:
            c.say(b"AUTH XOAUTH2 " + b64(xoauth2(user, "never")) + b"\r\n")
        with office.pop3(user, PASSWORD, tls=True, source=source) as c:
            assert c.stat() == (0, 0)
        # As many are asked about as one address may have.
        assert server.times("never") <= 8
        server.wake.set()
        for c in clients:
            c.expect(b"-ERR [SYS/TEMP]")
        server.wake.clear()
    configure(office, **own_settings(office, server))
    office.run("reload")


class Socket(Line):
    """Postfix's side of the auth socket: lines end with LF alone."""

    def __init__(self, office):
        super().__init__(os.path.join(office.dir, "run/auth"))
        self.greeting = []
        while not self.greeting or self.greeting[-1] != b"DONE":
            self.greeting.append(self.line())
        self.say(b"VERSION\t1\t2\nCPID\t77\n")

    def line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def auth(self, n, message, more="\tsecured"):
        self.say(f"AUTH\t{n}\tXOAUTH2\tservice=smtp{more}\tresp="
                 f"{b64(message).decode()}\n".encode())
        return self.line()


def test_auth_socket(office, server, user):
    """Postfix and Exim have tokens checked, too (decision 0018)."""
    server.good("of-postfix", user)
    with Socket(office) as c:
        assert b"MECH\tXOAUTH2" in c.greeting
        assert b"MECH\tOAUTHBEARER" in c.greeting
        assert c.auth(1, xoauth2(user, "of-postfix")) == \
            b"OK\t1\tuser=" + user.encode()
        for n, answer in ((2, b"CONT\t2\t"), (4, b"CONT\t4\tAQ==")):
            said = c.auth(n, xoauth2(user, "unheard-of"))
            assert said.startswith(b"CONT\t%d\t" % n)
            assert json.loads(base64.b64decode(said.split(b"\t")[2]))[
                "status"] == "401"
            c.say(answer + b"\n")
            assert c.line().startswith(b"FAIL\t%d" % n)
        # Given up in place of an answer; and without TLS never.
        assert c.auth(5, xoauth2(user, "unheard-of")).startswith(b"CONT\t5")
        c.say(b"CANCEL\t5\n")
        assert c.auth(6, xoauth2(user, "of-postfix"), "").startswith(
            b"FAIL\t6")
        assert c.auth(7, xoauth2(user, "of-postfix")).startswith(b"OK\t7")


def test_wrong_credential_of_ours(office, server, user):
    """A server that does not know us, or shows another certificate."""
    own = own_settings(office, server)
    other = make_certificate(office.folder, "other", "localhost")[0]
    server.good("of-ours", user)
    for wrong in ({"client_id": "someone"}, {"ca": other},
                  {"ca": office.ca},
                  {"introspection_url": server.url.replace("localhost",
                                                           "127.0.0.1")}):
        configure(office, **{**own, **wrong})
        office.run("reload")
        mark = len(office.log())
        with office.pop3(tls=True) as c:
            last, _ = auth(c, "XOAUTH2", user, "of-ours")
            assert last.startswith(b"-ERR [SYS/TEMP]"), wrong
        office.wait_log(r"level=error[^\n]*event=oauth", mark)
    configure(office, **own)
    office.run("reload")
    with office.pop3(tls=True) as c:
        assert auth(c, "XOAUTH2", user, "of-ours")[0].startswith(b"+OK")


def test_kept_connection(office, server, user):
    server.peers.clear()
    for n in range(5):
        token = f"kept{n}"
        server.good(token, user)
        with office.pop3(tls=True) as c:
            assert auth(c, "OAUTHBEARER", user, token)[0].startswith(b"+OK")
    assert len(server.peers) <= 2, server.peers


def test_lookup_dies(office, server, user):
    server.good("before", user)
    server.tokens["dying"] = introspection.wait(10)
    with office.pop3(tls=True) as c:
        c.say(b"AUTH XOAUTH2 " + b64(xoauth2(user, "dying")) + b"\r\n")
        end = time.monotonic() + 5
        while server.times("dying") == 0 and time.monotonic() < end:
            time.sleep(0.01)
        office.expects_deaths = True
        office.kill(office.pids("lookup")[0])
        c.expect(b"-ERR [SYS/TEMP]")
        office.wait_all_ready()
        assert auth(c, "XOAUTH2", user, "before")[0].startswith(b"+OK")


def test_tokens_are_secret(office, server, user):
    """Threat 57: not in the log, masked in what --wire shows."""
    token = "s3cretT0kenThatNobodyShows"
    server.good(token, user)
    wire = subprocess.Popen(
        office.command("log", "-c", office.config, "--wire", user),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        time.sleep(0.3)
        for initial in (True, False):
            with office.pop3(tls=True) as c:
                auth(c, "OAUTHBEARER", user, token, initial)
                c.ask(b"QUIT")
        time.sleep(0.3)
    finally:
        wire.terminate()
        shown = wire.communicate(timeout=10)[0].decode()
    encoded = b64(bearer(user, token)).decode()
    for text in (office.log(), shown):
        assert token not in text and encoded not in text
        assert encoded[20:60] not in text


def test_curl(office, server, user):
    office.deliver(user, b"Subject: by curl\r\n\r\nbody\r\n")
    server.good("curl-token", user)
    for mechanism in FORMS:
        for initial in ((), ("--sasl-ir",)):
            done = subprocess.run(
                ["curl", "-sS", "--noproxy", "*", "--cacert", office.ca,
                 "--login-options", f"AUTH={mechanism}", *initial,
                 "--oauth2-bearer", "curl-token", "--user", f"{user}:",
                 f"pop3s://localhost:{office.pop3s_port}/1"],
                capture_output=True, timeout=20)
            assert b"by curl" in done.stdout, done.stderr
    done = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "--cacert", office.ca,
         "--login-options", "AUTH=OAUTHBEARER", "--oauth2-bearer", "wrong",
         "--user", f"{user}:", f"pop3s://localhost:{office.pop3s_port}/1"],
        capture_output=True, timeout=20)
    assert done.returncode == 67, done.stderr  # CURLE_LOGIN_DENIED


@pytest.mark.skipif(not shutil.which("mpop"), reason="no mpop")
def test_mpop(office, server, user, tmp_path):
    office.deliver(user, b"Subject: by mpop\r\n\r\nbody\r\n")
    server.good("mpop-token", user)
    for mechanism in ("oauthbearer", "xoauth2"):
        out = tmp_path / mechanism
        done = subprocess.run(
            ["mpop", "-C", "/dev/null", "--host=localhost",
             f"--port={office.pop3s_port}", "--tls=on", "--tls-starttls=off",
             f"--tls-trust-file={office.ca}", f"--auth={mechanism}",
             f"--user={user}", "--passwordeval=echo mpop-token",
             "--keep=on", f"--uidls-file={tmp_path}/{mechanism}.uidls",
             f"--delivery=mbox,{out}"], capture_output=True, timeout=20,
            env={**os.environ, "HOME": str(tmp_path)})
        if b"not supported" in done.stderr:
            continue
        assert done.returncode == 0, done.stderr
        assert b"by mpop" in out.read_bytes()


COMMAND = """#!/usr/bin/python3
import json, sys, time
for line in sys.stdin:
    q = json.loads(line)
    a = {"id": q["id"], "active": q["token"].startswith("good"),
         "email": q["user"] or "nobody@example.org"}
    if q["token"] == "unverified":
        a.update(active=True, email_verified=False)
    if q["token"] == "hang":
        time.sleep(30)
    if q["token"] == "garbage":
        a = {"id": q["id"], "active": 1}
    print(json.dumps(a), flush=True)
"""


def test_command(office, server, user):
    """A site's own program in place of a server."""
    program = os.path.join(office.folder, "token-program")
    with open(program, "w", encoding="utf-8") as f:
        f.write(COMMAND)
    os.chmod(program, 0o755)
    configure(office, command=program, claim="email", timeout=TIMEOUT_MS)
    office.run("reload")
    office.wait_all_ready()
    with office.pop3(tls=True) as c:
        for mechanism in FORMS:
            last, said = auth(c, mechanism, user, "bad")
            assert last.startswith(DENIED)
            assert said["status"] in ("401", "invalid_token")
        assert auth(c, "XOAUTH2", user, "unverified")[0].startswith(DENIED)
    with office.pop3(tls=True) as c:
        for token in ("hang", "garbage"):
            assert auth(c, "XOAUTH2", user, token)[0].startswith(
                b"-ERR [SYS/TEMP]"), token
        assert auth(c, "OAUTHBEARER", user, "good")[0].startswith(b"+OK")


def test_check(new_office):
    """`yubin check` looks at the files, and who else may read them."""
    office = new_office(start=False)
    secret = os.path.join(office.dir, "client.secret")
    configure(office, introspection_url="https://localhost/", client_id="x",
              client_secret_file="client.secret", ca="nothing.pem")
    said = office.run("check", code=10).stderr.decode()
    assert "oauth.ca: cannot look at" in said
    assert "oauth.client_secret_file: cannot look at" in said
    for mode in (0o644, 0o640):
        with open(secret, "w", encoding="utf-8") as f:
            f.write("x")
        os.chmod(secret, mode)
        configure(office, introspection_url="https://localhost/",
                  client_id="x", client_secret_file="client.secret")
        said = office.run("check", code=10).stderr.decode()
        assert f"is open to other users (mode {mode:o}); run: chmod 600" \
            in said
    os.chmod(secret, 0o600)
    office.run("check")


def test_turned_off(office, server, user):
    configure(office, cache_seconds=0)
    office.run("reload")
    with office.pop3(tls=True) as c:
        c.ask(b"CAPA")
        assert b"OAUTH" not in c.multi()
        c.ask(b"AUTH OAUTHBEARER", b"-ERR")
    end = time.monotonic() + 5
    while office.pids("lookup") and time.monotonic() < end:
        time.sleep(0.05)
    assert office.pids("lookup") == []
