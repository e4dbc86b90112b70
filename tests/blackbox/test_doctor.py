"""yubin doctor: what it finds, the way out that it names, what it leaves."""
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import threading

import pytest

from post_office import NOBODY, PATIENCE
from test_status import Terminal

A, NS, PTR, MX, AAAA, SRV = 1, 2, 12, 15, 28, 33


class NameServer:
    """Answers questions of names from a table, over UDP on the loopback."""

    def __init__(self, records):
        self.records = records  # {(name, type): [octets]}; None: no answer
        self.asked = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    @staticmethod
    def name(text):
        return b"".join(bytes([len(p)]) + p.encode()
                        for p in text.split(".") if p) + b"\0"

    def serve(self):
        while True:
            try:
                packet, peer = self.sock.recvfrom(512)
            except OSError:
                return
            labels, at = [], 12
            while packet[at]:
                labels.append(packet[at + 1:at + 1 + packet[at]].decode())
                at += 1 + packet[at]
            kind = struct.unpack("!H", packet[at + 1:at + 3])[0]
            key = (".".join(labels).lower(), kind)
            self.asked.append(key)
            if self.records is None:
                continue
            found = self.records.get(key, [])
            known = any(k[0] == key[0] for k in self.records)
            head = packet[:2] + struct.pack(
                "!HHHHH", 0x8180 if known else 0x8183, 1, len(found), 0, 0)
            body = b"".join(b"\xc0\x0c" + struct.pack(
                "!HHIH", kind, 1, 60, len(d)) + d for d in found)
            self.sock.sendto(head + packet[12:at + 5] + body, peer)

    def close(self):
        self.sock.close()


def records(**more):
    name = NameServer.name
    table = {
        ("mail.example.org", A): [bytes([192, 0, 2, 7])],
        ("mail.example.org", AAAA): [socket.inet_pton(socket.AF_INET6,
                                                      "2001:db8::7")],
        ("7.2.0.192.in-addr.arpa", PTR): [name("mail.example.org")],
        ("7" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa", PTR):
            [name("other.example.net")],
        ("example.org", MX): [struct.pack("!H", 10) +
                              name("Mail.Example.Org")],
    }
    table.update(more.get("more", {}))
    return table


@pytest.fixture
def dns():
    made = []

    def make(table):
        made.append(NameServer(table))
        return made[-1]

    yield make
    for server in made:
        server.close()


def examine(office, *args, user=None, code=None):
    """{check: [(state, text)]}; all findings have a shape."""
    argv = [office.binary, "doctor", "-c", office.config, "--json",
            *map(str, args)]
    if user:
        argv = ["setpriv", "--reuid", user, "--regid", "nogroup",
                "--clear-groups", "--", *argv]
    done = subprocess.run(argv, capture_output=True, timeout=PATIENCE,
                          cwd="/")
    assert done.returncode in (0, 1, 2), done.stderr
    got = json.loads(done.stdout)
    states = [f["state"] for f in got["findings"]]
    assert done.returncode == (2 if "error" in states else
                               1 if "warning" in states else 0)
    assert (got["fine"], got["skipped"], got["warnings"], got["errors"]) == \
        tuple(states.count(s) for s in ("fine", "skipped", "warning",
                                        "error"))
    found = {}
    for f in got["findings"]:
        # What is wrong comes with a way out.
        assert f["state"] in ("fine", "skipped") or f["way_out"]
        found.setdefault(f["check"], []).append((f["state"], f["text"]))
    if code is not None:
        assert done.returncode == code, got
    return found


def states(found, check):
    return {state for state, _ in found[check]}


def says(found, check, state, text):
    assert any(s == state and text in t for s, t in found[check]), \
        found[check]


def everything(office):
    """What a command could leave behind."""
    return (office.run("account", "list", "--json").stdout,
            office.run("domain", "list", "--json").stdout,
            sorted(os.path.join(top, n) for top, _, names in
                   os.walk(os.path.join(office.dir, "store"))
                   for n in names))


def test_a_healthy_server(office, user):
    office.deliver(user, b"x\r\n")
    before = everything(office)
    found = examine(office)
    for check in ("configuration", "files", "certificate", "disk", "server",
                  "ports", "store", "round trip"):
        assert states(found, check) == {"fine"}, (check, found[check])
    assert len(found["ports"]) == 6
    assert "error" not in states(found, "clock")
    says(found, "dns", "skipped", "localhost")
    says(found, "disk", "fine", "a sync takes")
    assert everything(office) == before


def test_an_ordinary_user(office):
    if os.geteuid() != 0:
        pytest.skip("root becomes another user")
    found = examine(office, user=NOBODY)
    says(found, "files", "skipped", "only who may read the private key")
    says(found, "server", "skipped", "permission denied")
    assert states(found, "ports") == {"fine"}
    assert states(found, "round trip") == {"skipped"}


ANSWERS = """#!/usr/bin/python3
import json, sys, time
for line in sys.stdin:
    q = json.loads(line)
    print(json.dumps({"id": q["id"], **%s}), flush=True)
"""


def test_who_is_asked_outside(new_office):
    office = new_office(start=False)
    folder = os.path.join(office.folder, "site")
    os.makedirs(folder)

    def put(name, text):
        path = os.path.join(folder, name)
        with open(path + ".new", "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(path + ".new", 0o755)
        os.rename(path + ".new", path)
        return path

    policy = put("policy", ANSWERS % '{"verdict": "deny"}')
    accounts = put("accounts", ANSWERS % '{"found": False}')
    with socket.socket() as s:  # nobody listens there
        s.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:%d/" % s.getsockname()[1]
    with open(office.config, encoding="ascii") as f:
        ordinary = f.read()

    def configure(on_failure):
        with open(office.config, "w", encoding="ascii") as f:
            f.write(ordinary + f"""
policy: {{command: {policy}, on_failure: {on_failure}, timeout: 1500}}
accounts: {{directory: command, command: {accounts}, timeout: 1500}}
oauth: {{introspection_url: "{url}", timeout: 1500}}
""")

    def look():
        return examine(office, "--no-dns", "--no-mail")

    configure("deny")
    says(look(), "outside", "skipped", "only the running server")
    office.start()
    found = look()
    assert len(found["outside"]) == 3
    says(found, "outside", "fine", f"policy.command, {policy}, answers")
    says(found, "outside", "fine", f"accounts.command, {accounts}, answers")
    says(found, "outside", "error", f"oauth.introspection_url, {url}, cannot "
         "be reached")
    put("policy", "#!/nowhere/python\n")
    put("accounts", "#!/bin/sh\nsleep 9\n")
    configure("allow")
    office.run("reload")
    found = look()
    says(found, "outside", "warning", f"{policy}, cannot be run, or leaves "
         "without an answer: logins go on without")
    says(found, "outside", "error", f"{accounts}, does not answer in its "
         "time: logins are put off")


def test_no_server(new_office):
    office = new_office(start=False)
    found = examine(office)
    says(found, "server", "warning", "does not run")
    assert states(found, "ports") == states(found, "store") == {"skipped"}
    # Somebody else sits at our port.
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", office.pop3_port))
        s.listen()

        def greet():
            with contextlib.suppress(OSError):
                s.accept()[0].sendall(b"+OK Other POP3 server\r\n")

        threading.Thread(target=greet, daemon=True).start()
        found = examine(office, code=2)
    says(found, "ports", "error", "another program answers")


def test_configuration(new_office):
    office = new_office(start=False)
    office.set("wrokers", "2")
    found = examine(office, code=2)
    says(found, "configuration", "error", 'did you mean "workers"')
    assert list(found) == ["configuration"]
    os.remove(office.config)
    assert list(examine(office, code=2)) == ["configuration"]


def test_certificates(new_office):
    office = new_office(start=False)
    key, pem = (os.path.join(office.dir, "tls", n) for n in
                ("server.key", "server.pem"))

    def make(days, name, keep_key=False):
        argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-addext", f"subjectAltName=DNS:{name}", "-days", str(days),
                "-keyout", "/dev/null" if keep_key else key, "-out", pem]
        subprocess.run(argv, check=True, capture_output=True,
                       timeout=PATIENCE)

    make(5, "localhost")
    says(examine(office), "certificate", "warning", "ends in")
    make(900, "elsewhere.example")
    says(examine(office, code=2), "certificate", "error", "is made out to")
    make(900, "localhost", keep_key=True)
    says(examine(office, code=2), "certificate", "error", "key")
    with open(pem, "w", encoding="ascii") as f:
        f.write("nothing\n")
    says(examine(office, code=2), "certificate", "error",
         "holds no certificate")
    os.chmod(key, 0o644)
    says(examine(office, code=2), "files", "error", "server.key")


def named(office):
    office.set("hostname", "mail.example.org")
    office.set("default_domain", "example.org")
    return office


def test_dns(new_office, dns):
    office = named(new_office(start=False))
    server = dns(records())
    found = examine(office, "--resolver", server.address)
    says(found, "dns", "fine", "mail.example.org is at 192.0.2.7 (A)")
    says(found, "dns", "fine", "mail.example.org is at 2001:db8::7 (AAAA)")
    says(found, "dns", "fine", "192.0.2.7 is called mail.example.org")
    says(found, "dns", "warning", "is called other.example.net, not")
    says(found, "dns", "fine", "mail for example.org comes to")
    # Listeners on the loopback are not for the world: no SRV is missed.
    assert not any(kind == SRV for _, kind in server.asked)


def test_dns_for_mail_programs(new_office, dns):
    office = named(new_office(start=False))
    office.replace(f"127.0.0.1:{office.pop3s_port}",
                   f"0.0.0.0:{office.pop3s_port}")
    name = NameServer.name
    srv = ("_pop3s._tcp.example.org", SRV)
    right = struct.pack("!HHH", 0, 1, office.pop3s_port) + \
        name("mail.example.org")
    for table, state, text in (
            ({srv: [right]}, "fine", "leads to mail.example.org"),
            ({srv: [struct.pack("!HHH", 0, 1, 995) + name("old.example")]},
             "warning", "leads to old.example, port 995"),
            ({}, "warning", "there is no _pop3s._tcp.example.org")):
        found = examine(office, "--resolver",
                        dns(records(more=table)).address)
        says(found, "dns", state, text)


def test_dns_that_is_wrong(new_office, dns):
    office = named(new_office(start=False))
    found = examine(office, "--resolver", dns({}).address, code=2)
    says(found, "dns", "error", "has no address")
    says(found, "dns", "error", "has no MX record")
    # Truncated and senseless answers are no answers, and no crash.
    bad = records(more={("mail.example.org", A): [b"\x01"],
                        ("mail.example.org", AAAA): [b""],
                        ("example.org", MX): [b"\0\x0a\xc0\xff"]})
    found = examine(office, "--resolver", dns(bad).address, code=2)
    says(found, "dns", "error", "has no address")


def test_no_network(new_office, dns):
    office = named(new_office(start=False))
    silent = dns(None)
    found = examine(office, "--resolver", silent.address)
    assert [s for s, _ in found["dns"]] == ["skipped"]
    says(found, "dns", "skipped", "nobody answers")
    assert len(set(silent.asked)) == 1
    assert "dns" not in examine(office, "--no-dns")


def test_a_mailbox_that_is_ill(new_office):
    office = new_office()
    user = office.add_account()
    office.deliver(user, b"x\r\n")
    office.stop()
    logs = [os.path.join(top, "log") for top, _, names in
            os.walk(os.path.join(office.dir, "store")) if "log" in names]
    for path in logs:
        os.remove(path)
        os.mkdir(path)
    office.start()
    found = examine(office, code=2)
    says(found, "store", "error", f"the mailbox of {user} cannot be opened")
    # The others work.
    assert states(found, "round trip") == {"fine"}


def test_round_trip_that_fails(new_office):
    office = new_office()
    before = everything(office)
    with open(office.config, encoding="utf-8") as f:
        text = f.read()
    # Collected where nobody listens: the account is removed all the same.
    with open(office.config, "w", encoding="utf-8") as f:
        f.write(text.replace(str(office.pop3s_port),
                             str(office.pop3s_port + 1)))
    found = examine(office, code=2)
    says(found, "round trip", "error", "collecting it by POP3 failed")
    assert everything(office) == before


def test_for_people(office):
    t = Terminal(office.command("doctor", "-c", office.config))
    try:
        text = t.wait("ended with")
        # Nothing is wider than the screen.
        assert re.search(r"(?m)^\d+ fine, \d+ to think about, 0 wrong, \d+ "
                         r"not looked at$", text)
    finally:
        t.close()
    text = office.run("doctor", "--no-mail", code=None).stdout.decode()
    assert "\033" not in text and max(map(len, text.splitlines())) <= 80
    office.run("doctor", "--resolver", "nonsense", code=2)
