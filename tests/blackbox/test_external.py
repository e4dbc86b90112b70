"""SASL EXTERNAL (RFC 4422 appendix A): clients that log in by a certificate."""
import base64
import json
import re
import ssl
import subprocess
import time

import pytest

from certificates import make_certificate
from post_office import (PASSWORD, SANITIZED, Line, PostOffice, next_source,
                         strip_trace)

DENIED = b"-ERR [AUTH] wrong name or password"
MAIL = b"Subject: x\r\n\r\nbody\r\n"
TLS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Authority:
    """An authority for clients, by openssl's own program."""

    def __init__(self, folder, name):
        self.folder, self.name, self.n = folder, name, 0
        self.cert, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                     "-subj", f"/CN={name}", "-out", self.cert, "-keyout",
                     self.key)

    def openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], check=True,
                       capture_output=True, cwd=self.folder)

    def issue(self, usage="clientAuth", days=("-days", "10"), kind="ec"):
        """A client's certificate and its key, in one file."""
        self.n += 1
        at = self.folder / f"{self.name}-{self.n}"
        new = ["-newkey", "rsa:2048"] if kind == "rsa" else \
            ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        self.openssl("req", *new, "-nodes", "-subj", f"/CN=client {self.n}",
                     "-out", f"{at}.csr", "-keyout", f"{at}.key")
        with open(f"{at}.ext", "w", encoding="ascii") as f:
            f.write("basicConstraints = CA:false\n" +
                    (f"extendedKeyUsage = {usage}\n" if usage else ""))
        self.openssl("x509", "-req", "-in", f"{at}.csr", "-CA", self.cert,
                     "-CAkey", self.key, "-CAcreateserial", *days,
                     "-extfile", f"{at}.ext", "-out", f"{at}.crt")
        with open(f"{at}.pem", "w", encoding="ascii") as out:
            for part in ("crt", "key"):
                with open(f"{at}.{part}", encoding="ascii") as f:
                    out.write(f.read())
        return f"{at}.pem"


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def office(ours):
    """STLS and POP3S ask for certificates; one POP3S listener does not."""
    o = PostOffice()
    o.set("plain_login", "never")
    with open(o.config, encoding="utf-8") as f:
        text = f.read()
    text = re.sub(r"(?m)^#?tls:\n", f'tls:\n  client_ca: "{ours.cert}"\n',
                  text, count=1)
    text = text.replace("tls: starttls}\n  # mail out, TLS from",
                        "tls: starttls, client_certificates: yes}\n"
                        "  # mail out, TLS from")
    text = text.replace(
        f'pop3s: {{address: ["127.0.0.1:{o.pop3s_port}"], tls: implicit}}',
        f'pop3s:\n    - {{address: ["127.0.0.1:{o.pop3s_port}"], '
        'tls: implicit, client_certificates: yes}\n'
        f'    - {{address: ["127.0.0.1:{o.base + 996}"], tls: implicit}}')
    with open(o.config, "w", encoding="utf-8") as f:
        f.write(text)
    o.start()
    yield o
    o.close()


@pytest.fixture
def user(office):
    return office.add_account()


def certificate(office, *args, **more):
    return office.run("account", "certificate", *args, **more)


def context(office, pem=None, version="1.3"):
    c = office.tls_context()
    c.minimum_version = c.maximum_version = TLS[version]
    if pem:
        c.load_cert_chain(pem)
    return c


def connect(office, pem=None, version="1.3", port=None):
    line = Line(("127.0.0.1", port or office.pop3s_port),
                context(office, pem, version), source=next_source())
    line.expect(b"+OK")
    return line


def offered(line):
    line.say(b"CAPA\r\n")
    line.expect(b"+OK")
    found = b""
    while (got := line.line()) != b".":
        found += got if got.startswith(b"SASL ") else b""
    return b"EXTERNAL" in found.split()


def external(line, authzid=None):
    """Both forms: None is without an initial response."""
    if authzid is None:
        line.say(b"AUTH EXTERNAL\r\n")
        assert line.line() == b"+ "
        line.say(b"\r\n")
    else:
        said = base64.b64encode(authzid.encode()) or b"="
        line.say(b"AUTH EXTERNAL " + said + b"\r\n")
    return line.line()


@pytest.mark.parametrize("version", list(TLS))
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_login(office, user, ours, version, kind):
    pem = ours.issue(kind=kind)
    office.deliver(user, MAIL)
    certificate(office, "add", user, pem, "laptop")
    for authzid in (None, "", user):
        with connect(office, pem, version) as line:
            assert offered(line)
            assert external(line, authzid).startswith(b"+OK 1 "), authzid
            assert strip_trace(line.retr(1)) == MAIL
    # Passwords are as good as before; a response may come late.
    with connect(office, pem, version) as line:
        line.say(b"AUTH EXTERNAL\r\n")
        line.expect(b"+ ")
        line.say(b"*\r\n")
        assert line.line().startswith(b"-ERR")
        line.ask(b"USER " + user.encode())
        line.ask(b"PASS " + PASSWORD.encode())


def test_by_stls(office, user, ours):
    pem = ours.issue()
    certificate(office, "add", user, pem)
    with Line(("127.0.0.1", office.pop3_port), source=next_source()) as line:
        line.expect(b"+OK")
        assert not offered(line)
        line.ask(b"STLS")
        line.starttls(context(office, pem))
        assert offered(line)
        assert external(line, "").startswith(b"+OK")


def test_not_without_a_good_one(office, user, ours, tmp_path):
    """Expired, not yet valid, of another authority, for servers only, and
    self-signed: each bound to the account, and none is offered EXTERNAL."""
    other = Authority(tmp_path, "other")
    bad = {"other authority": other.issue(),
           "for servers": ours.issue("serverAuth"),
           "for mail": ours.issue("emailProtection")}
    # There is no option for its end as a date; a negative time does.
    bad["expired"] = ours.issue(days=("-days", "-1"))
    self_signed = tmp_path / "self.pem"
    other.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ours",
                  "-out", self_signed, "-keyout", tmp_path / "self.key")
    with open(self_signed, "a", encoding="ascii") as f:
        f.write((tmp_path / "self.key").read_text())
    bad["self-signed"] = str(self_signed)
    for what, pem in bad.items():
        certificate(office, "add", user, pem)
        for version in TLS:
            with connect(office, pem, version) as line:
                assert not offered(line), what
                line.say(b"AUTH EXTERNAL =\r\n")
                assert line.line() == b"-ERR mechanism not offered", what
                # It may still log in otherwise.
                line.ask(b"USER " + user.encode())
                line.ask(b"PASS " + PASSWORD.encode())
    with connect(office) as line:
        assert not offered(line)
    # Purposes are not always named: none is not a wrong one.
    pem = ours.issue(usage=None)
    certificate(office, "add", user, pem)
    with connect(office, pem) as line:
        assert external(line).startswith(b"+OK")
    # A listener that does not ask knows none of it.
    with connect(office, pem, port=office.base + 996) as line:
        assert not offered(line)


def test_by_another_name(office, user, ours):
    """A server of several certificates asks alike whichever name is meant."""
    pem = ours.issue()
    certificate(office, "add", user, pem)
    own, key = make_certificate(office.dir, "post.example.net")
    office.replace(f'  client_ca: "{ours.cert}"\n',
                   f'  client_ca: "{ours.cert}"\n'
                   f'  certificates: [{{certificate: "{own}", '
                   f'key: "{key}"}}]\n')
    office.run("reload")
    c = ssl.create_default_context(cafile=own)
    for version in TLS.values():
        c.minimum_version = c.maximum_version = version
        c.load_cert_chain(pem)
        with Line(("127.0.0.1", office.pop3s_port), c,
                  name="post.example.net") as line:
            line.expect(b"+OK")
            assert offered(line)
            assert external(line).startswith(b"+OK")


def test_bound_to_nobody(office, user, ours):
    pem = ours.issue()
    since = len(office.log())
    for authzid in (None, "", user, "nobody@example.org"):
        with connect(office, pem) as line:
            assert offered(line)
            assert external(line, authzid) == DENIED
    office.wait_log("event=login_failed .*mechanism=EXTERNAL "
                    "reason=no_such_user", since)


def test_as_somebody_else(office, user, ours):
    """As with PLAIN: a master may, others may not."""
    pem = ours.issue()
    other = office.add_account()
    certificate(office, "add", user, pem)
    for authzid in (other, "nobody@example.org", "a b", "x" * 300):
        with connect(office, pem) as line:
            assert external(line, authzid).startswith(b"-ERR"), authzid
    office.run("account", "set", user, "master=yes")
    since = len(office.log())
    with connect(office, pem) as line:
        assert external(line, other).startswith(b"+OK")
    office.wait_log(f"event=master_login .*master={user} user={other} "
                    "mechanism=EXTERNAL", since)


def test_malformed(office, user, ours):
    pem = ours.issue()
    certificate(office, "add", user, pem)
    for text in (b"\0", b"a\0b", b"\xff", b"\xc0\x80"):
        with connect(office, pem) as line:
            line.say(b"AUTH EXTERNAL " + base64.b64encode(text) + b"\r\n")
            assert line.line() == b"-ERR malformed response"
            line.say(b"AUTH EXTERNAL ====\r\n")
            assert line.line().startswith(b"-ERR")
            assert external(line).startswith(b"+OK")


def test_each_proves_it_anew(office, user, ours):
    """No ticket lets a connection go without the key."""
    pem = ours.issue()
    certificate(office, "add", user, pem)
    for version in TLS:
        c = context(office, pem, version)
        with Line(("127.0.0.1", office.pop3s_port), c) as line:
            line.expect(b"+OK")
            assert offered(line)
            session = line.sock.session
            assert not (session and session.has_ticket), version
        # The same session without the certificate: TLS or we say no.
        bare = context(office, None, version)
        with Line(("127.0.0.1", office.pop3s_port), bare) as line:
            line.expect(b"+OK")
            assert not offered(line)


def test_commands(office, user, ours):
    pem = ours.issue()
    made = json.loads(certificate(office, "add", "--json", user, pem).stdout)
    assert made == {"address": user, "name": "certificate-1"}
    shown = subprocess.run(
        ["openssl", "x509", "-in", pem, "-noout", "-fingerprint", "-sha256"],
        check=True, capture_output=True).stdout.decode()
    row, = json.loads(certificate(office, "list", "--json", user).stdout)
    assert row["fingerprint"] == \
        shown.strip().split("=")[1].replace(":", "").lower()
    assert row["kind"] == "certificate" and row["last_used"] is None
    with connect(office, pem) as line:
        assert external(line).startswith(b"+OK")
    row, = json.loads(certificate(office, "list", "--json", user).stdout)
    assert row["last_used"] > 0
    assert user.encode() in certificate(office, "list").stdout
    # One account for one certificate, and only a certificate.
    other = office.add_account()
    assert b"bound to an account" in certificate(
        office, "add", other, pem, code=1).stderr
    assert b"no certificate" in certificate(
        office, "add", other, ours.key, code=1).stderr
    assert b"cannot read" in certificate(
        office, "add", other, "/nothing", code=1).stderr
    assert b"no account" in certificate(
        office, "add", "x@example.net", ours.issue(), code=1).stderr


def test_limits_and_revoking(office, user, ours):
    pem, far = ours.issue(), ours.issue()
    certificate(office, "add", "--from", "192.0.2.0/24", user, far)
    with connect(office, far) as line:
        assert external(line) == DENIED
    certificate(office, "add", "--no-delete", user, pem, "laptop")
    office.deliver(user, MAIL)
    with connect(office, pem) as line:
        assert external(line).startswith(b"+OK 1 ")
        line.say(b"DELE 1\r\n")
        assert line.line().startswith(b"-ERR")
        certificate(office, "revoke", user, "laptop")
        began = time.monotonic()
        assert line.line().startswith(b"-ERR [AUTH]")
        assert time.monotonic() - began < (5 if SANITIZED else 1)
    with connect(office, pem) as line:
        # TLS knows it still; the account does not.
        assert offered(line)
        assert external(line) == DENIED


def test_configuration(new_office, ours, tmp_path):
    office = new_office(start=False)
    ask = "tls: starttls}\n  # mail out, TLS from"
    office.replace(ask, ask.replace("}", ", client_certificates: yes}"))
    assert b"set client_ca under tls" in office.run("check", code=10).stderr
    with open(office.config, encoding="utf-8") as f:
        text = f.read()
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    for path, said in ((tmp_path / "none.pem", b"none.pem"),
                       (empty, b"no PEM certificate")):
        with open(office.config, "w", encoding="utf-8") as f:
            f.write(re.sub(r"(?m)^#?tls:\n",
                           f'tls:\n  client_ca: "{path}"\n', text, count=1))
        assert said in office.run("check", code=10).stderr
        assert said in office.run("serve", code=10).stderr


# ---- others' clients ----

def test_curl(office, user, ours):
    pem = ours.issue()
    certificate(office, "add", user, pem)
    office.deliver(user, MAIL)
    done = subprocess.run(
        ["curl", "-sS", "--cacert", office.ca, "--cert", pem,
         "--login-options", "AUTH=EXTERNAL", "-u", f"{user}:",
         f"pop3s://localhost:{office.pop3s_port}/1"],
        capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert strip_trace(done.stdout) == MAIL


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_s_client(office, user, ours, version):
    pem = ours.issue()
    certificate(office, "add", user, pem)
    p = subprocess.Popen(
        ["openssl", "s_client", "-quiet", "-crlf", version, "-starttls",
         "pop3", "-connect", f"127.0.0.1:{office.pop3_port}", "-CAfile",
         office.ca, "-cert", pem, "-key", pem],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    try:
        p.stdin.write(b"AUTH EXTERNAL =\n")  # -crlf adds the CR
        p.stdin.flush()
        while not (got := p.stdout.readline()).startswith((b"+OK 0", b"-ERR")):
            assert got
        assert got.startswith(b"+OK 0 messages")
        p.stdin.write(b"QUIT\n")
        p.stdin.flush()
        assert p.stdout.readline().startswith(b"+OK")
    finally:
        p.kill()
        p.communicate()
