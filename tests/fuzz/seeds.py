#!/usr/bin/python3
"""Writes the seeds of a fuzz target into a folder: seeds.py TARGET FOLDER.

A target without a function here starts from nothing but its dictionary.
"""
import glob
import os
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


def main():
    target, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    make = globals().get(target)
    for n, seed in enumerate(make() if make else ()):
        with open(os.path.join(folder, f"seed{n}"), "wb") as f:
            f.write(seed)


if __name__ == "__main__":
    main()
