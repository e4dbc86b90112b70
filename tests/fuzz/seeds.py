#!/usr/bin/python3
"""Writes the seeds of a fuzz target into a folder: seeds.py TARGET FOLDER.

A target without a function here starts from nothing but its dictionary.
"""
import glob
import os
import re
import struct
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, "blackbox"), os.path.join(TESTS, "tools")]

from dialogue import Dialogue  # noqa: E402


def dialogues(folder, head, tls=b"\x01"):
    """What the clients of the dialogues say, behind `head`."""
    for path in sorted(glob.glob(os.path.join(TESTS, "wire", folder,
                                              "*.t"))):
        said = b"".join(value if kind == "C" else tls if kind == "tls"
                        else b"" for _, kind, value in Dialogue(path).steps)
        if len(said) < 20000:
            yield head + said


def pop3():
    # TLS possible and logins in clear allowed; all at once, or in pieces.
    yield from dialogues("pop3", b"\x06\xff\x00\x00")
    yield from dialogues("pop3", b"\x0a\x02\x07\x00")


def smtp():
    # TLS possible; all at once, or in pieces; LMTP; XCLIENT allowed.
    yield from dialogues("smtp", b"\x04\xff\x00\x00")
    yield from dialogues("smtp", b"\x14\x02\x07\x00")
    yield from dialogues("lmtp", b"\x05\xff\x00\x00")
    for failures in (1, 2, 4, 8, 16, 32):
        yield b"\x14\xff\x00" + bytes([failures]) + (
            b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<bob@example.org>\r\n"
            b"DATA\r\nx\r\n.\r\nRSET\r\nXCLIENT ADDR=192.0.2.1\r\n"
            b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<bob@example.org>\r\n"
            b"BDAT 30\r\n123456789012345678901234567890BDAT 0 LAST\r\n")


def proxy():
    v2 = b"\r\n\r\n\0\r\nQUIT\n"
    for text in (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nEHLO x\r\n",
                 b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n",
                 b"PROXY UNKNOWN x\r\n", v2 + b"\x20\0\0\3abc",
                 v2 + b"\x21\x11\0\x0f" + b"x" * 15,
                 v2 + b"\x21\x21\0\x24" + b"x" * 36,
                 v2 + b"\x21\x31\0\xd8" + b"x" * 216,
                 b"10.0.0.0/8, ::1", b"2001:db8::/32"):
        yield b"\0" + text
        yield b"\xff" + text


def config():
    yield (b"config_version: 1\nhostname: a.example\nproxy_networks: "
           b"[\"10.0.0.0/8\", \"::1\"]\nmessage_size_max: 2M\n"
           b"listeners:\n  pop3: {address: [\"127.0.0.1:2110\"], tls: "
           b"starttls}\n  lmtp: {address: \"run/lmtp\"}\ndefaults:\n"
           b"  quota_octets: 1G\n")
    yield b"tls:\n  certificate: a.pem\n  key: b.key\n"
    yield b"listeners: {smtp: }\n"


def message():
    for kinds in range(0, 256, 7):
        yield bytes([kinds, kinds ^ 90, 3, 200]) + bytes(range(64))


def sasl():
    # More than there are mechanisms, so that each meets each text.
    for how in range(16):
        for text in (b"\0alice\0secret", b"n,,n=alice,r=abcdefgh",
                     b"p=tls-exporter,,n=alice,r=abcdefgh", b"alice",
                     b"tim b913a602c7eda7a495b4e6e7334d3890",
                     b"<1896.697170952@dbc.mtview.ca.us>\0mrose\0"
                     b"c4c9334bac560ecc979e58001b3e22fb"):
            padded = text.ljust(-len(text) // 4 * -4, b"\0")
            yield bytes([how | 128, len(padded) // 4]) + padded
            yield bytes([how, 0, len(padded) // 4]) + padded
        # A token takes octets in fours as padding, not NUL.
        for text in (b"n,a=al=2Cice,\1host=h\1port=995\1auth=Bearer ",
                     b"user=alice\1auth=Bearer "):
            full = text + b"t" * (-(len(text) + 2) % 4 + 4) + b"\1\1"
            yield bytes([how | 128, len(full) // 4]) + full


def introspection():
    for text in (b'{"active":true,"username":"alice","email":"a@b",'
                 b'"email_verified":true,"aud":["web","mail"],'
                 b'"scope":"openid mail","exp":1419356238}',
                 b'{"active":false}'):
        for how in range(8):
            yield bytes([how]) + text


def wire():
    for path in glob.glob(os.path.join(TESTS, "wire/maildrops/*/*.eml")):
        with open(path, "rb") as f:
            text = f.read()
        yield b"\x05" + text
        yield b"\xff" + text.replace(b"\r\n", b"\n") + b"\r\n.\r\n"


def header():
    for text in (b"alice@example.org", b'"a b"@example.org', b"<>",
                 b"<@a.org,@b.org:alice@example.org> SIZE=1",
                 b"<alice@[192.0.2.1]>", b"a@[IPv6:2001:db8::1]",
                 b"Received: a\r\n\tb\r\nReceived : c\r\nX: y\r\n\r\n"
                 b"Received: body\r\n"):
        yield b"\x02" + text
        yield b"\xff" + text


def log():
    def record(kind, uid, body, seq=1, more=b""):
        return bytes([kind, seq, uid, len(body)]) + body + more

    def change(first, ranges):
        return struct.pack("<II", first, len(ranges)) + b"".join(
            struct.pack(f"<{len(r)}I", *r) for r in ranges)

    mail = record(0, 4, b"a: b\r\n\r\nc\r\n.\r\n")
    yield b"\0" + mail + record(0, 5, b".\r\n") + record(1, 5, change(
        0, [(1, 2), (4, 4)])) + record(2, 9, change(2, [(1, 2, 8)]), seq=3)
    for flags in range(8):
        yield bytes([flags]) + mail + record(2, 9, change(1, [(2, 2, 9)]))
        yield bytes([flags]) + record(2, 9, change(1, [(5, 1, 9)])) + mail
        yield bytes([flags]) + record(128, 0, b"x" * 200) + mail
        yield bytes([flags]) + record(3, 0, b"") + record(5, 0, b"y") + mail
        yield bytes([flags]) + record(8 | 16 | 32, 6, b"ex.\r\n",
                                      more=b"\2\0\0")


def journal():
    for flags in (0, 1):
        for kind in (0, 8, 16, 24, 48):
            one = bytes([kind, 0, 96]) + b"YBR1" + bytes(92)
            yield bytes([flags]) + one
            yield bytes([flags]) + one + bytes([kind, 96, 8]) + b"12345678"
            yield bytes([flags]) + one + bytes([kind | 32, 255]) + \
                b"\xff" * 8 + bytes([4]) + b"1234" + b"\x7f" + bytes(8)


def index():
    for flags in range(4):
        for at in (8, 24, 32, 48, 56, 64, 88, 112, 120, 160, 168, 176, 208,
                   216, 240, 256, 272, 384):
            yield bytes([flags, at >> 8, at & 255, 8]) + struct.pack("<Q", 1)
            yield bytes([flags, at >> 8, at & 255, 8]) + b"\xff" * 8
        yield bytes([flags, 0, 200, 0])


def backup():
    line = (b"%032x 1 3 4096 17 5 4321 0 a@example.org\n" % 1 +
            b"%032x 2 1 128 0 0 0 1 \"a b\"@example.org\n" % 2)
    yield b"\1" + line
    yield b"\0yubin-backup 1\n" + line + b"end 2 0000000000000000\n"


def import_():
    yield (b"alice@example.org,secret word\n\"b\",\"a \"\"b\"\"\"\n"
           b"carol@example.org\n")
    yield (b"alice:{PLAIN}secret word:1000:1000::/home/a::\n"
           b"bob:{SHA512-CRYPT}$6$saltsalt$" + b"x" * 86 + b":1:1\n"
           b"carol:$2y$05$" + b"y" * 53 + b"\n"
           b"dave:{SCRAM-SHA-256}4096,MDEyMzQ1Njc4OWFiY2RlZg==," +
           (b"A" * 43 + b"=,") * 2 + b"\n")


def dovecot():
    hello = b"VERSION\t1\t2\nCPID\t5\n"
    for how in range(4):
        for text in (b"AUTH\t1\tPLAIN\tservice=smtp\tsecured\t"
                     b"rip=192.0.2.1\tresp=AGEAYg==\n",
                     b"AUTH\t1\tLOGIN\tservice=smtp\nCONT\t1\tYQ==\n"
                     b"CONT\t1\tYg==\n", b"AUTH\t1\tLOGIN\nCANCEL\t1\n"
                     b"AUTH\t2\tPLAIN\tresp=\n"):
            yield bytes([255, how]) + hello + text
            yield bytes([2, how]) + hello + text


def http():
    yield b"\7GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
    yield b"\7HEAD http://a/metrics?x HTTP/1.0\r\nX: \xe6\r\n\r\n"
    yield b"\7POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"


def dns():
    name = b"\1a\7example\3org\0"
    for n, (kind, data) in enumerate((
            (1, b"\x7f\0\0\1"), (28, b"\0" * 15 + b"\1"), (12, name),
            (15, b"\0\x0a" + name), (33, b"\0\1\0\2\x03\xe3" + name))):
        query = name + struct.pack(">HH", kind, 1)
        answer = struct.pack(">HHHIH", 0xc00c, kind, 1, 60, len(data)) + data
        head = struct.pack(">HHHHHH", 7, 0x8180, 1, 2, 0, 0)
        yield bytes([n]) + head + query + answer * 2
        yield bytes([n]) + head + query + answer + answer[:-1]


def name():
    for text in ("alice@example.org", "Alice+list@EXAMPLE.org.", "postmaster",
                 "日本@例え.jp", "ﬁ@xn--r8jz45g.jp", '"a b"@example.org',
                 "@example.org", "%u/../x@a", "\u0661@a.b"):
        for how in range(4):
            yield bytes([how]) + text.encode()


def logline():
    yield (b'ts=2026-11-21T13:50:19.123Z level=info event=login '
           b'session=w0.1f2e3d4c.5 account=a@example.org peer="[::1]:1" '
           b'text="a \\"b\\" \\x1b \\\\"\n')
    yield b"level=error a= =b \xff\x1b[31m \"\n"


def octets(text):
    return struct.pack("<I", len(text)) + text


def message_types():
    with open(os.path.join(TESTS, "../src/server/message.h"),
              encoding="utf-8") as f:
        return re.findall(r"^\tX\((\w+)\)", f.read(), re.M)


def settings():
    with open(os.path.join(TESTS, "../src/base/setting.h"),
              encoding="utf-8") as f:
        return len(re.findall(r"^\tX\(\w+, SETTING_", f.read(), re.M))


def said(name, body=b"", number=0, fds=0):
    """As fuzz_process.h reads it."""
    return bytes([message_types().index(name), number, fds,
                  len(body) >> 8, len(body) & 255]) + body


def peer(flags=1, protocol=0):
    return (bytes(10) + b"\xff\xff\x7f\0\0\1" + bytes([flags, protocol]) +
            octets(b"session"))


def to_auth():
    user, password = octets(b"user@a.example"), octets(b"secret")
    login = said("LOGIN", peer() + b"\1" + user + password, 1)
    yield login
    yield login + said("CANCEL", b"", 1)
    for name, response in ((b"PLAIN", b"\0user@a.example\0secret"),
                           (b"LOGIN", b""), (b"EXTERNAL", b""),
                           (b"OAUTHBEARER", b"n,,\1auth=Bearer x\1\1"),
                           (b"SCRAM-SHA-256", b"n,,n=user@a.example,r=abc")):
        sasl = said("SASL", peer() + b"\1" + octets(b"") * 3 + octets(name) +
                    b"\1" + octets(response), 2)
        yield sasl
        yield sasl + said("SASL_STEP", struct.pack("<Q", 2) +
                          octets(b"user@a.example"), 4)
    yield said("RCPT", octets(b"user+x@a.example"), 3)


def from_lookup():
    """A login of each kind, and what it is answered in turn."""
    user, password = octets(b"user@a.example"), octets(b"secret")
    good = struct.pack("<I", 0)
    login = said("LOGIN", peer() + b"\1" + user + password, 1)
    token = said("SASL", peer() + b"\1" + octets(b"") * 3 +
                 octets(b"OAUTHBEARER") + b"\1" +
                 octets(b"n,,\1auth=Bearer x\1\1"), 2)

    def answer(fields, slot=0):
        return said("LOOKUP_DONE", good + fields, 64 + slot)

    def account(kind, text=b"", has=0):
        return (b"\1" + struct.pack("<II", kind, 4096 if kind == 1 else 0) +
                bytes(16 + 32 + 32) + octets(text) +
                struct.pack("<I", has) + bytes(8 * settings()))

    policy = b"\1" + struct.pack("<II", 0, 60)
    whose = b"\0" + user + bytes(8)
    failed = said("LOOKUP_DONE", struct.pack("<I", 3), 64)
    for how in range(64):
        yield bytes([how]) + login + answer(policy) + answer(b"")
        yield bytes([how]) + token + answer(policy) + answer(whose) * 2
        yield bytes([how]) + login + failed * 2
    for how in (8, 9, 24, 25):
        for kind, text in ((0, b""), (1, b""), (2, b"$5$a$" + b"b" * 43)):
            yield (bytes([how]) + login + answer(account(kind, text)) +
                   answer(b"\1") + answer(policy) + answer(b"\1"))
        yield (bytes([how]) + said("RCPT", octets(b"other+x@a.example"), 3) +
               answer(account(0, has=1)) * 3 + login)
        yield bytes([how]) + token + answer(whose) + answer(account(0)) * 2


def piece(text):
    return struct.pack(">H", len(text)) + text


# What the site's programs are asked, and the inside of an answer to it.
OUTSIDE = (
    ("policy", b'"verdict":"delay","delay_ms":9,"cache_s":60'),
    ("policy", b'"verdict":"deny"'),
    ("outcome", b""),
    ("account", b'"found":true,"hash":"$5$a$' + b"b" * 43 +
     b'","settings":{"quota_octets":"1G","master":true}'),
    ("account", b'"found":true,"hash":"{SCRAM-SHA-256}4096,'
     b'MDEyMzQ1Njc4OWFiY2RlZg==,' + (b"A" * 43 + b"=,") * 2 + b'"'),
    ("account", b'"found":false'),
    ("account", b'"error":"no LDAP"'),
    ("password", b'"right":true'),
    ("token", b'"active":true,"email":"user@a.example","exp":2000000000'),
    ("token", b'"active":false'),
)


def question(kind):
    """As server/lookup.h lists its fields."""
    user = octets(b"user@a.example")
    login = peer()[:18] + octets(b"PLAIN") + user + octets(b"")
    kinds = {"policy": login,
             "outcome": login + octets(b"ok") + octets(b"") * 2,
             "account": user, "password": user + octets(b"secret"),
             "token": peer()[:16] + b"\0" + octets(b"XOAUTH2") + user +
             octets(b"token")}
    return said("LOOKUP", struct.pack("<I", list(kinds).index(kind)) +
                kinds[kind])


def outside():
    kinds = ("policy", "outcome", "account", "password", "token")
    for kind, inside in OUTSIDE:
        yield bytes([kinds.index(kind)]) + b"{" + inside + b"}"


def to_lookup():
    for how in range(4):
        for kind, inside in OUTSIDE:
            asked = bytes([how, 0]) + question(kind)
            yield asked + b"\1\0" + piece(inside)
            yield asked + b"\6\0" + piece(b"{" + inside + b"}")
            yield (asked + b"\0" + question(kind) + b"\2\0" +
                   piece(b"{" + inside) + b"\3\0" + piece(b"why\n") +
                   b"\4\0\1\5")
            # A name that no JSON can hold.
            yield bytes([how, 0]) + question(kind).replace(b"user", b"us\xff")


def to_store():
    place = bytes(16) + struct.pack("<I", 1)
    grant = said("GRANT", struct.pack("<IQ", 0, 0) + place +
                 struct.pack("<I", 0) + b"\1" + octets(b"user@a.example"),
                 128)
    handle = struct.pack("<Q", 1 << 32 | 1)
    yield grant + said("LOG_WANTED", handle) + said("CLOSE", handle)
    for fds in (0, 1, 2):
        yield grant + said("QUIT", handle + bytes(8) +
                           octets(struct.pack("<II", 1, 1)), 0, fds)
    yield grant + said("REVOKED", bytes(16) + b"\xff" * 8, 128)
    for mode in (0, 1):
        wire = b"a: b\r\n\r\nc\r\n.\r\n"
        yield said("DELIVER", bytes([mode]) +
                   struct.pack("<QQI", 1, len(wire), 1) + place + bytes(16) +
                   octets(b"Return-Path: <>\r\n") + octets(wire)) + grant
    yield said("SPOOL_WANTED")


def to_worker():
    clients = (b"\0", b"USER a@a.example\r\nPASS b\r\nSTAT\r\n"), \
        (b"\0", b"AUTH PLAIN AGEAYg==\r\n"), \
        (b"\1", b"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a.example>\r\n"
         b"DATA\r\na: b\r\n\r\nc\r\n.\r\n")
    answers = (
        said("OPENED", struct.pack("<IQB", 0, 1, 1) + octets(b"a@a.example") +
             octets(b""), 129),
        said("LOGIN_FAILED", struct.pack("<I", 1) + octets(b""), 1),
        said("SASL_CHALLENGE", octets(b"r=abc"), 1),
        said("RCPT_DONE", struct.pack("<II", 0, 1) + bytes(64), 1) +
        said("DELIVERED", struct.pack("<I", 1) + bytes(8), 129),
        said("SPOOL", struct.pack("<I", 0), 129, 2),
        said("LOG_READY", struct.pack("<I", 0), 129, 1),
        said("SESSION_ENDED", struct.pack("<Q", 1), 128) +
        said("OFFERS", b"\1") + said("STORE_LOST"))
    for kind, text in clients:
        for answer in answers:
            yield kind + bytes([len(text)]) + text + answer


def to_supervisor():
    for how in range(4):
        yield bytes([how]) + said("CAGED", b"", 0, 2) + said("READY") + \
            said("PONG") + said("DRAINED")
        yield bytes([how]) + said("ACCUSED", struct.pack("<IIQ", 3, 0, 0))
        yield bytes([how]) + said("RELOADED", struct.pack("<I", 0))


def to_reader():
    yield said("PROBLEM", b"\0" + struct.pack("<II", 1, 2) + octets(b"bad"))
    yield said("CONFIG", bytes(64), 0, 1) + said("READY")


def control():
    # Each request, to auth and to the store, with what many begin with.
    for request in range(1, 64):
        for how in range(2):
            yield bytes([how, request, 3, 2, 0, 1, 0, 0])
            yield bytes([how, request, 4, 4, 0, 1, 0, 0, 0, 1])
            yield bytes([how, request, 1, 3])


def main():
    target, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    # "import" is a word of the language.
    make = globals().get(target) or globals().get(target + "_")
    for n, seed in enumerate(make() if make else ()):
        with open(os.path.join(folder, f"seed{n}"), "wb") as f:
            f.write(seed)


if __name__ == "__main__":
    main()
