"""Whom a proxy speaks for: PROXY headers (v1, v2) and XCLIENT."""
import re
import socket
import struct
import subprocess
import time

import pytest

from post_office import PASSWORD, Line, PostOffice

PROXY = "127.77.0.1"      # in proxy_networks
TELLER = "127.78.0.1"     # in xclient_networks
V2 = b"\r\n\r\n\0\r\nQUIT\n"
BODY = b"Subject: x\r\n\r\nbody\r\n"


@pytest.fixture(scope="module")
def office():
    office = PostOffice()
    office.set("proxy_networks", '["127.77.0.0/16", "2001:db8::/32"]')
    office.set("xclient_networks", '["127.78.0.1"]')
    office.set("connections_per_address_max", 3)
    office.set("workers", 1)
    try:
        yield office.start()
    finally:
        office.close()


def v1(client, family="TCP4", target="192.0.2.2"):
    return f"PROXY {family} {client} {target} 5000 25\r\n".encode()


def v2(client, more=b""):
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    octets = socket.inet_pton(family, client)
    body = octets * 2 + b"\1\2\3\4" + more
    return V2 + bytes((0x21, 0x21 if ":" in client else 0x11)) + \
        struct.pack(">H", len(body)) + body


class Proxied(Line):
    """Sends the header before all else; TLS may follow."""

    def __init__(self, port, header, context=None):
        super().__init__(("127.0.0.1", port), source=PROXY)
        self.say(header)
        if context:
            self.sock = context.wrap_socket(self.sock,
                                            server_hostname="localhost")


def received(office, user):
    with office.pop3(user) as c:
        return c.retr(c.stat()[0])


@pytest.mark.parametrize("header, shown", [
    (v1("203.0.113.5"), b"([203.0.113.5])"),
    (v1("2001:db8:7::1", "TCP6", "::1"), b"([IPv6:2001:db8:7::1])"),
    (v2("203.0.113.6"), b"([203.0.113.6])"),
    (v2("2001:db8:7::2"), b"([IPv6:2001:db8:7::2])"),
    (v2("203.0.113.7", b"\x04\0\x10" + b"x" * 16), b"([203.0.113.7])"),
    (b"PROXY UNKNOWN\r\n", b"([127.77.0.1])"),
    (V2 + b"\x20\0\0\0", b"([127.77.0.1])"),
], ids=repr)
def test_smtp(office, user, header, shown):
    mark = len(office.log())
    for port, hello in ((office.smtp_port, b"EHLO x"),
                        (office.lmtp_port, b"LHLO x")):
        with Proxied(port, header) as c:
            c.reply(b"220")
            c.smtp_ask(hello)
            c.send_mail([user], BODY)
            c.smtp_ask(b"QUIT", b"221")
        assert shown in received(office, user)
    peer = shown.strip(b"([])").replace(b"IPv6:", b"").decode()
    office.wait_log(f"service=lmtp session=.* peer={peer} ", mark)


def test_pop3(office, user):
    office.deliver(user, BODY)
    mark = len(office.log())
    for port, tls in ((office.pop3_port, None),
                      (office.pop3s_port, office.tls_context())):
        for header in (v1("203.0.113.9"), v2("203.0.113.9")):
            with Proxied(port, header, tls) as c:
                c.expect(b"+OK ")
                if tls:
                    c.ask(b"USER " + user.encode())
                    c.ask(b"PASS " + PASSWORD.encode())
                    assert BODY in c.retr(1)
                c.ask(b"QUIT")
    office.wait_log("service=pop3 session=.* peer=203.0.113.9 tls=", mark)


def test_clear_passwords_are_for_those_who_are_here(new_office):
    """plain_login: loopback means the client, not the proxy."""
    office = new_office(start=False)
    office.set("proxy_networks", '"127.77.0.0/16"')
    office.start()
    user = office.add_account()
    with office.pop3(user):
        pass
    with Proxied(office.pop3_port, v1("203.0.113.9")) as c:
        c.expect(b"+OK ")
        c.ask(b"USER " + user.encode(), b"-ERR")


@pytest.mark.parametrize("said", [
    b"EHLO x\r\n", b"\x16\x03\x01\0", b"PROXY TCP4 1.2.3.4\r\n",
    v1("203.0.113.5").replace(b"\r", b""), v1("::1"), b"PROXY " + b"x" * 200,
    V2 + b"\x21\x11\0\1x", V2 + b"\x21\x11\xff\xff" + b"x" * 65535,
    V2[:-1] + b"x", b"\0",
], ids=lambda b: repr(b[:24]))
def test_no_header(office, said):
    for port in (office.smtp_port, office.lmtp_port, office.pop3_port,
                 office.pop3s_port):
        with Line(("127.0.0.1", port), source=PROXY) as c:
            c.say(said)
            assert c.rest() == b""
    office.wait_log(r"event=proxy session=\S+ peer=127.77.0.1 error=")


def test_header_in_parts_and_in_time(office, user):
    header = v1("203.0.113.5")
    with Line(("127.0.0.1", office.smtp_port), source=PROXY) as c:
        for i in range(len(header)):
            c.say(header[i:i + 1])
        c.reply(b"220")
    header = v2("203.0.113.5", b"\xea\1\0" + b"x" * 256)
    with Line(("127.0.0.1", office.smtp_port), source=PROXY) as c:
        for i in range(0, len(header), 7):
            c.say(header[i:i + 7])
            time.sleep(0.001)
        c.reply(b"220")
    # Half of one, and nothing more.
    mark = len(office.log())
    with Line(("127.0.0.1", office.smtp_port), source=PROXY) as c:
        c.say(header[:20])
        assert c.rest() == b""
    office.wait_log('error="no PROXY header in time"', mark)


def test_header_from_elsewhere_is_an_error(office):
    for header in (v1("203.0.113.5"), v2("203.0.113.5")):
        with Line(("127.0.0.1", office.smtp_port)) as c:
            c.reply(b"220")
            c.say(header)
            c.reply(b"500")
        with office.pop3() as c:
            c.say(header)
            c.expect(b"-ERR")


def test_told_address_counts(office):
    """connections_per_address_max is three."""
    held = [Proxied(office.smtp_port, v1("203.0.113.77")) for _ in range(3)]
    try:
        for c in held:
            c.reply(b"220")
        for header in (v1, v2):
            with Proxied(office.smtp_port, header("203.0.113.77")) as c:
                assert c.rest().startswith(b"421 4.7.0 ")
        with Proxied(office.smtp_port, v1("203.0.113.78")) as c:
            c.reply(b"220")
    finally:
        for c in held:
            c.close()
    # They are given back.
    end = time.monotonic() + 20
    while True:
        with Proxied(office.smtp_port, v1("203.0.113.77")) as c:
            if c.reply()[-1].startswith(b"220"):
                return
        assert time.monotonic() < end


def test_throttling_goes_by_the_told_address(office, user):
    """Wrong passwords through a proxy hold up nobody else behind it."""
    def login(address, password):
        with Proxied(office.pop3s_port, v2(address),
                     office.tls_context()) as c:
            c.expect(b"+OK ")
            c.ask(b"USER " + user.encode())
            began = time.monotonic()
            c.say(b"PASS " + password + b"\r\n")
            return c.line(), time.monotonic() - began

    for _ in range(2):
        assert login("203.0.113.100", b"wrong")[0].startswith(b"-ERR")
    answer, _ = login("203.0.113.101", PASSWORD.encode())
    assert answer.startswith(b"+OK")


# ---- XCLIENT ----

def teller(office, port=None):
    c = Line(("127.0.0.1", port or office.smtp_port), source=TELLER)
    c.reply(b"220")
    return c


def test_xclient(office, user):
    for port, hello in ((office.smtp_port, b"EHLO y"),
                        (office.lmtp_port, b"LHLO y")):
        for told, shown in ((b"203.0.113.5", b"([203.0.113.5])"),
                            (b"IPV6:2001:db8::5", b"([IPv6:2001:db8::5])")):
            with teller(office, port) as c:
                c.say(hello + b"\r\n")
                assert b"250-XCLIENT NAME ADDR" in b"\n".join(
                    c.reply(b"250"))
                c.smtp_ask(b"XCLIENT ADDR=" + told + b" PORT=5 NAME=a.b "
                           b"HELO=told.example PROTO=ESMTP", b"220 ")
                c.smtp_ask(b"MAIL FROM:<a@b.c>", b"503")
                c.smtp_ask(hello)
                c.send_mail([user], BODY)
            assert shown in received(office, user)


def test_xclient_is_not_for_everybody(office):
    with office.smtp() as c:
        c.smtp_ask(b"XCLIENT ADDR=203.0.113.5", b"550 5.7.0")
    with teller(office) as c:
        for wrong in (b"ADDR=300.1.1.1", b"ADDR=::1", b"ADDR=IPV6:1.2.3.4",
                      b"ADDR=x+0D+0AX: y", b"FOO=x", b"ADDR"):
            c.smtp_ask(b"XCLIENT " + wrong, b"501 5.5.4")
        c.smtp_ask(b"XCLIENT ADDR=[UNAVAILABLE]", b"220")


def test_xclient_counts(office):
    held = []
    try:
        for _ in range(3):
            held.append(teller(office))
            held[-1].smtp_ask(b"XCLIENT ADDR=203.0.113.200", b"220")
        with teller(office) as c:
            c.smtp_ask(b"XCLIENT ADDR=203.0.113.200", b"421 4.7.0")
            assert c.rest() == b""
    finally:
        for c in held:
            c.close()


def test_swaks_xclient(office, user):
    done = subprocess.run(
        ["swaks", "-n", "-4", "-s", f"127.0.0.1:{office.smtp_port}",
         "--local-interface", TELLER, "-f", "a@example.net", "-t", user,
         "--xclient-addr", "203.0.113.9", "--xclient-name", "a.example",
         "--xclient-helo", "swaks.example", "--xclient-proto", "ESMTP"],
        capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert b"([203.0.113.9])" in received(office, user)


@pytest.mark.parametrize("version", ["1", "2"])
def test_swaks_proxy(office, user, version):
    done = subprocess.run(
        ["swaks", "-n", "-4", "-s", f"127.0.0.1:{office.smtp_port}",
         "--local-interface", PROXY, "-f", "a@example.net", "-t", user,
         "--proxy-version", version, "--proxy-family", "TCP4" if
         version == "1" else "AF_INET", "--proxy-source", "203.0.113.9",
         "--proxy-source-port", "5", "--proxy-dest", "192.0.2.1",
         "--proxy-dest-port", "25"],
        capture_output=True, timeout=60)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert b"([203.0.113.9])" in received(office, user)


# ---- the configuration ----

@pytest.mark.parametrize("value, wrong", [
    ('["192.0.2.1/24"]', "192.0.2.1/24"), ('["example.org"]', "example.org"),
    ('[["::1"]]', "quotes"), ("{a: b}", "a map"),
    ('["::/0", "10.0.0.0/33"]', "10.0.0.0/33"),
])
def test_wrong_networks(new_office, value, wrong):
    office = new_office(start=False)
    office.set("proxy_networks", value)
    done = office.run("check", code=10)
    assert wrong in (done.stdout + done.stderr).decode()


def test_networks_are_shown(office):
    shown = office.run("check", "--show").stdout.decode()
    assert re.search(r'^proxy_networks: \["127.77.0.0/16", '
                     r'"2001:db8::/32"\]$', shown, re.M)
    assert '\nxclient_networks: ["127.78.0.1"]\n' in shown


def test_reload_changes_whom_to_believe(new_office):
    office = new_office()
    with Proxied(office.smtp_port, v1("203.0.113.5")) as c:
        # Nobody's proxy yet: it spoke before it was greeted, or nonsense.
        assert c.reply()[-1][:3] in (b"220", b"554")
    office.set("proxy_networks", '["127.77.0.1"]')
    office.set("xclient_networks", '["203.0.113.0/24"]')
    office.run("reload")
    with Proxied(office.smtp_port, v1("203.0.113.5")) as c:
        c.reply(b"220")
        c.smtp_ask(b"EHLO x")
        # Judged by whom the connection is for.
        c.smtp_ask(b"XCLIENT ADDR=203.0.113.6", b"220")
    office.set("proxy_networks", "[]")
    office.run("reload")
    with Line(("127.0.0.1", office.smtp_port), source=PROXY) as c:
        c.reply(b"220")
