#!/usr/bin/python3
"""POP3 as the RFCs have it: a small reference model of one session, and
random sequences of commands for it.

The model is written from RFC 1939, 2449, 2595, 3206, 5034 and 6856 and the
limits that the engine's headers name; it shares no code with the engine.

A million sequences, against the engine of a build:

    tests/blackbox/pop3_model.py [-n 1000000] [-s SEED] [-j JOBS] [BUILD]
"""
import base64
import os
import re
import sys

import session_model

DROP = [os.path.join(session_model.ROOT, "tests/wire/maildrops", name)
        for name in ("five/1.eml", "odd/1.eml", "odd/2.eml", "odd/3.eml",
                     "odd/4.eml", "odd/5.eml", "utf8/1.eml",
                     "two-small/2.eml")]

# enum pop3_server_flags
TLS_ACTIVE, TLS_POSSIBLE, LOGIN_IN_CLEAR, UTF8_REFUSED = 1, 2, 4, 8

LINE_MAX = 255          # RFC 2449 section 4
SASL_LINE_MAX = 12288   # RFC 4954 section 4
DISCARD_MAX = 65536     # of an overlong line, about
BAD_COMMANDS_MAX = 20   # before the login
LOGIN_FAILURES_MAX = 3
LOGIN_MS, IDLE_MS = 60000, 600000
VERBS = b"GET POST PUT HEAD TRACE PATCH OPTIONS DELETE CONNECT".split()


class Message:
    def __init__(self, octets):
        self.octets = octets
        lines = octets.split(b"\r\n")
        if lines[-1] == b"":
            lines.pop()
        else:
            assert octets == b"" or not octets.endswith(b"\r\n")
        self.lines = lines
        end = lines.index(b"") + 1 if b"" in lines else len(lines)
        self.header, self.body = lines[:end], lines[end:]
        self.utf8 = any(b > 127 for line in self.header for b in line)

    def top(self, n):
        return self.header + self.body[:n]


class Reply:
    """One expected line; `text` says that free text may follow."""

    def __init__(self, start, text=False, language="en", multi=None):
        self.start, self.text, self.multi = start, text, multi
        self.language = language


def stuff(line):
    return b"." + line if line.startswith(b".") else line


def decode(text):
    """Strict base64, or None."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data) == text else None


def number(text, most):
    """RFC 1939's numbers: digits, nothing in front."""
    if not re.fullmatch(rb"0|[1-9][0-9]{0,19}", text):
        return None
    n = int(text)
    return n if n <= most else None


def language_of(text):
    """RFC 4647: a basic language range, cut back to its first subtag."""
    if not re.fullmatch(rb"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", text):
        return None
    tag = text.split(b"-")[0].lower().decode()
    return tag if tag in ("en", "ja") else None


class Model:
    def __init__(self, flags, drop):
        self.flags, self.drop = flags, drop
        self.state = "AUTH"
        self.replies = []
        self.language, self.utf8 = "en", False
        self.name = None
        self.lines = self.bad = self.failures = 0
        self.deleted, self.commits, self.gone = set(), 0, set()
        self.now = self.start = self.active = 1000
        self.line, self.discarding = b"", False
        self.exchange = None
        self.ok()

    # -- replies --

    def ok(self, data=b"", multi=None):
        self.replies.append(Reply(b"+OK " + data, True, self.language, multi))

    def exact(self, data, multi=None):
        self.replies.append(Reply(b"+OK " + data, multi=multi))

    def err(self, code=b""):
        self.replies.append(Reply(b"-ERR " + code, True, self.language))

    def end(self):
        self.state = "OVER"

    def bad_command(self):
        self.err()
        self.bad += 1
        if self.bad >= BAD_COMMANDS_MAX and self.state == "AUTH":
            self.end()

    # -- input --

    def may_login(self):
        return bool(self.flags & (TLS_ACTIVE | LOGIN_IN_CLEAR))

    def offers_stls(self):
        return (self.flags & TLS_POSSIBLE and not self.flags & TLS_ACTIVE and
                self.state == "AUTH" and not self.utf8)

    def limit(self):
        if self.state == "SASL" or (
                self.state == "AUTH" and self.may_login() and
                self.line[:5].upper() == b"AUTH "):
            return SASL_LINE_MAX
        return LINE_MAX

    def feed(self, data):
        self.tick(0)
        before = self.lines, len(self.replies)
        self.take(data)
        # RFC 1939 section 3: "The receipt of any command"; part of one is
        # none.
        if (self.lines, len(self.replies)) != before:
            self.active = self.now

    def take(self, data):
        if self.state == "TLS" and data:
            self.end()
        while data and self.state not in ("OVER", "TLS"):
            part, lf, rest = data.partition(b"\n")
            self.line += part + lf
            data = rest
            if self.discarding:
                if len(self.line) > DISCARD_MAX:
                    self.end()
            elif len(self.line) > self.limit():
                self.discarding = True
                self.overlong()
                if self.state != "OVER" and len(self.line) > DISCARD_MAX:
                    # What comes in one piece is cut at the limit first.
                    self.end()
            if self.state == "OVER" or not lf:
                continue
            line, self.line = self.line[:-1], b""
            if self.discarding:
                self.discarding = False
                continue
            self.run(line[:-1] if line.endswith(b"\r") else line, data)

    def overlong(self):
        self.lines += 1
        if self.state == "SASL":
            self.cancel()
        else:
            self.bad_command()

    def tick(self, ms):
        self.now += ms
        if self.state == "TLS":
            return  # the handshake has a deadline of its own
        before = self.state in ("AUTH", "SASL", "TLS")
        if self.now - self.active >= IDLE_MS or \
                (before and self.now - self.start >= LOGIN_MS):
            self.end()

    def handshake(self):
        if self.state == "TLS":
            self.flags |= TLS_ACTIVE
            self.state, self.name, self.language = "AUTH", None, "en"
            self.bad = self.failures = 0

    def run(self, line, behind):
        first = self.lines == 0
        self.lines += 1
        if b"\0" in line:
            self.err()
            self.end()
        elif first and any(line.upper().startswith(v + b" ")
                           for v in VERBS):
            self.err()
            self.end()
        elif b"\r" in line:
            self.cancel() if self.state == "SASL" else self.bad_command()
        elif self.state == "SASL":
            self.response(line)
        else:
            self.command(line, behind)

    # -- commands --

    TABLE = {  # verb: states, fewest and most arguments
        b"RETR": ("TRANS", 1, 1), b"DELE": ("TRANS", 1, 1),
        b"LIST": ("TRANS", 0, 1), b"UIDL": ("TRANS", 0, 1),
        b"TOP": ("TRANS", 2, 2), b"STAT": ("TRANS", 0, 0),
        b"NOOP": ("TRANS", 0, 0), b"RSET": ("TRANS", 0, 0),
        b"QUIT": ("AUTH TRANS", 0, 0), b"CAPA": ("AUTH TRANS", 0, 0),
        b"USER": ("AUTH", 1, None), b"PASS": ("AUTH", 1, None),
        b"AUTH": ("AUTH", 0, 2), b"STLS": ("AUTH", 0, 0),
        b"UTF8": ("AUTH", 0, 0), b"LANG": ("AUTH TRANS", 0, 1)}

    def command(self, line, behind):
        verb, _, rest = line.partition(b" ")
        row = self.TABLE.get(verb.upper())
        if row is None or self.state not in row[0].split():
            return self.bad_command()
        if verb.upper() in (b"USER", b"PASS", b"AUTH") and \
                not self.may_login():
            return self.bad_command()
        if row[2] is None:
            args = [rest] if rest else None
        elif not rest.strip(b" \t"):
            args = [] if row[1] == 0 else None
        else:
            args = rest.split(b" ")
            if b"" in args or not row[1] <= len(args) <= row[2]:
                args = None
        if args is None:
            return self.bad_command()
        if verb.upper() == b"STLS":
            self.stls(behind)
        elif getattr(self, "do_" + verb.decode().lower())(*args) == "bad":
            return self.bad_command()
        self.bad = 0
        return None

    def do_user(self, name):
        self.name = name
        self.ok()

    def do_pass(self, password):
        if self.name is None:
            return self.err()
        name, self.name = self.name, None
        return self.login(name, password)

    def login(self, name, password):
        self.state = "AUTH"
        if name in (b"alice", b"alice@example.org") and password == b"secret":
            self.state, self.bad = "TRANS", 0
            return self.totals()
        return self.failed(b"[AUTH] ")

    def failed(self, code=b""):
        self.err(code)
        self.failures += 1
        if self.failures >= LOGIN_FAILURES_MAX:
            self.end()

    def do_auth(self, mechanism=None, response=None):
        if mechanism is None:
            return self.ok(multi="mechanisms")
        mechanism = mechanism.upper()
        if mechanism not in (b"PLAIN", b"LOGIN", b"SCRAM-SHA-256"):
            return self.err()
        if response == b"=":
            response = b""
        elif response is not None:
            response = decode(response)
            if response is None:
                return self.err()
        self.name = None
        self.exchange = [mechanism]
        self.state = "SASL"
        return self.step(response)

    def cancel(self):
        self.state = "AUTH"
        self.err()

    def response(self, line):
        # "=" is no base64; clients send it for an empty response.
        data = None if line == b"*" else b"" if line == b"=" else decode(line)
        if data is None:
            return self.cancel()
        return self.step(data)

    def step(self, data):
        asked = {b"PLAIN": [b""], b"SCRAM-SHA-256": [b""],
                 b"LOGIN": [b"Username:", b"Password:"]}
        mechanism, *had = self.exchange
        if data is not None:
            had.append(data)
            self.exchange.append(data)
        if mechanism == b"SCRAM-SHA-256" and had or \
                any(not 0 < len(h) <= 254 or b"\0" in h
                    for h in had if mechanism == b"LOGIN"):
            self.state = "AUTH"
            return self.failed()
        if len(had) < len(asked[mechanism]):
            challenge = base64.b64encode(asked[mechanism][len(had)])
            self.replies.append(Reply(b"+ " + challenge))
            return None
        if mechanism == b"LOGIN":
            return self.login(*had)
        parts = had[0].split(b"\0")
        if len(parts) != 3 or not parts[1] or not parts[2] or \
                len(parts[0]) > 254 or len(parts[1]) > 254:
            self.state = "AUTH"
            return self.failed()
        return self.login(*parts[1:])

    def stls(self, behind):
        if not self.offers_stls():
            self.err()
        elif behind:
            self.err()
            self.end()
        else:
            self.ok()
            self.state = "TLS"

    def do_utf8(self):
        self.utf8 = True
        self.ok()

    def do_lang(self, text=None):
        if text is None:
            return self.ok(multi=[b"en English", "ja 日本語".encode()])
        language = "en" if text == b"*" else language_of(text)
        if language is None:
            return self.err()
        self.language = language
        return self.ok(language.encode() + b" ")

    def do_capa(self):
        want = [b"TOP", b"UIDL", b"RESP-CODES", b"AUTH-RESP-CODE",
                b"PIPELINING", b"UTF8 USER", b"LANG"]
        if self.may_login():
            want += [b"USER", b"SASL"]
        if self.offers_stls():
            want.append(b"STLS")
        if self.state == "TRANS":
            want.append(b"IMPLEMENTATION Yubin")
        self.ok(multi=set(want))

    def do_quit(self):
        if self.state == "TRANS":
            self.commits += 1
            self.gone = self.deleted
        self.ok()
        self.end()

    # -- the maildrop --

    def live(self):
        return [i for i in range(len(self.drop)) if i not in self.deleted]

    def size(self):
        return sum(len(self.drop[i].octets) for i in self.live())

    def totals(self, multi=None):
        self.ok(b"%d" % len(self.live()), multi)

    def row(self, text):
        n = number(text, len(self.drop))
        if not n or n - 1 in self.deleted:
            self.err()
            return None
        return n - 1

    def do_stat(self):
        self.exact(b"%d %d" % (len(self.live()), self.size()))

    def all_or_one(self, text, line):
        if text is None:
            return self.totals([line(i) for i in self.live()])
        i = self.row(text)
        if i is not None:
            self.exact(line(i))
        return None

    def do_list(self, text=None):
        return self.all_or_one(text, lambda i: b"%d %d" % (
            i + 1, len(self.drop[i].octets)))

    def do_uidl(self, text=None):
        return self.all_or_one(text, lambda i: b"%d uidl-%d" % (i + 1, i + 1))

    def may_read(self, i):
        if self.flags & UTF8_REFUSED and not self.utf8 and self.drop[i].utf8:
            self.err(b"[UTF8] ")
            return False
        return True

    def do_retr(self, text):
        i = self.row(text)
        if i is not None and self.may_read(i):
            m = self.drop[i]
            self.ok(b"%d" % len(m.octets), [stuff(x) for x in m.lines])

    def do_top(self, text, count):
        n = number(count, 2 ** 64 - 1)
        if n is None:
            return "bad"
        i = self.row(text)
        if i is not None and self.may_read(i):
            self.exact(b"", [stuff(x) for x in self.drop[i].top(n)])
        return None

    def do_dele(self, text):
        i = self.row(text)
        if i is not None:
            self.deleted = self.deleted | {i}
            self.ok()

    def do_noop(self):
        self.exact(b"")

    def do_rset(self):
        self.deleted = set()
        self.totals()


# ---- comparing ----

def check_multi(want, got):
    if want == "mechanisms":
        return {b"PLAIN", b"LOGIN"} <= set(got)
    if isinstance(want, set):
        got = {b"SASL" if x.startswith(b"SASL ") else x for x in got}
    return want == got


def compare(model, data):
    """What is wrong with a transcript, or None."""
    lines = data.split(b"\r\n")
    if lines.pop() != b"":
        return f"ends within a line: {data[-100:]!r}"
    at = 0
    for reply in model.replies:
        if at == len(lines):
            return f"no reply, expected {reply.start!r}"
        line = lines[at]
        at += 1
        text = line[len(reply.start):]
        if not line.startswith(reply.start) or (text and not reply.text):
            return f"got {line!r}, expected {reply.start!r}"
        if reply.text and reply.start == b"-ERR " and text.startswith(b"["):
            return f"a response code that was not expected: {line!r}"
        if text.strip() and reply.text and \
                text.isascii() != (reply.language == "en"):
            return f"{line!r} is not {reply.language}"
        if reply.multi is not None:
            if b"." not in lines[at:]:
                return f"{line!r} without its end"
            end = lines.index(b".", at)
            if not check_multi(reply.multi, lines[at:end]):
                return f"{line!r}: {lines[at:end]!r}, not {reply.multi!r}"
            at = end + 1
    if at < len(lines):
        return f"nobody asked for {lines[at]!r}"
    return None


# ---- random sequences ----

def b64(text):
    return base64.b64encode(text)


NUMBERS = [b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"8", b"9", b"0",
           b"-1", b"+1", b"01", b"4294967297", b"18446744073709551617",
           b"1x", b"", b"a", b"99999999", b"1\t"]
LOGINS = [b"alice", b"alice@example.org", b"bob", b"alice smith", b" alice",
          "jürgen".encode(), b""]
PASSWORDS = [b"secret", b"secret", b"wrong", b"secret ", b""]
RANGES = [b"ja", b"en", b"ja-JP", b"EN", b"*", b"mul", b"j", b"ja-", b"-",
          b"x-y", b"ja-123456789"]
JUNK = [b"", b" ", b"XTND XLST Message-Id", b"LAST", b"APOP alice x",
        b"GET / HTTP/1.0", b"A" * 253, b"A" * 254, b"A" * 600, b"ST\rAT",
        b"STAT\r", b"NOOP\0", b"\xff\xfe", b"LIST  1", b"\tSTAT", b"STATUS",
        b"RETR 1 2", b"USER", b"RSET now", b"AUTH" + b" x" * 3,
        b"AUTH PLAIN " + b"A" * 300, b"AUTH PLAIN " + b"A" * 12270,
        b"AUTH PLAIN " + b"A" * 12300, b"USER " + b"u" * 248,
        b"USER " + b"u" * 249]


def auth_lines(r):
    kind = r.randrange(8)
    good = b64(b"\0alice\0" + r.choice(PASSWORDS))
    if kind == 0:
        return [b"AUTH"]
    if kind == 1:
        return [b"AUTH PLAIN " + good]
    if kind == 2:
        return [b"auth plain", good]
    if kind == 3:
        return [b"AUTH LOGIN", b64(b"alice"), b64(r.choice(PASSWORDS))]
    if kind == 4:
        return [b"AUTH PLAIN", r.choice([b"*", b"?", b"", b"=", b"AAAA",
                                         b"A" * 12290, b"AB==", good])]
    if kind == 5:
        return [b"AUTH LOGIN " + b64(b"alice"), r.choice([b"*", good, b""])]
    if kind == 6:
        return [b"AUTH SCRAM-SHA-256", r.choice([b"*", b"!", b"bg=="])]
    return [b"AUTH " + r.choice([b"NTLM", b"", b"PLAIN =", b"PLAIN ?"])]


def login_lines(r):
    if r.random() < 0.6:
        return [b"USER alice", b"PASS secret"]
    if r.random() < 0.5:
        return [b"USER " + r.choice(LOGINS), b"PASS " + r.choice(PASSWORDS)]
    return auth_lines(r)


def one(r):
    verb = r.choice([b"RETR", b"DELE", b"DELE", b"LIST", b"UIDL", b"TOP"])
    line = verb + b" " + (r.choice(NUMBERS[:9]) if r.random() < 0.85
                          else r.choice(NUMBERS))
    if verb == b"TOP":
        line += b" " + r.choice([b"0", b"0", b"1", b"2", b"3", b"99999999",
                                 b"18446744073709551615", b"-1", b"", b"01"])
    return [line]


def group(r):
    """A few lines that belong together, a handshake, or time."""
    kind = r.random()
    if kind < 0.38:
        return one(r)
    if kind < 0.52:
        return [r.choice([b"STAT", b"LIST", b"UIDL", b"NOOP", b"RSET",
                          b"CAPA", b"noop", b"Stat", b"LIST "])]
    if kind < 0.68:
        return login_lines(r)
    if kind < 0.72:
        return [r.choice(["stls", "stls", b"STLS"])]
    if kind < 0.75:
        return [b"UTF8"]
    if kind < 0.80:
        return [b"LANG"] if r.random() < 0.2 else \
            [b"LANG " + r.choice(RANGES)]
    if kind < 0.90:
        return [r.choice(JUNK)]
    if kind < 0.93:
        return [b"X"] * r.randrange(1, 24)
    if kind < 0.955:
        return [b"QUIT"]
    if kind < 0.96:
        return [b"Z" * r.choice([60000, 70000])]
    return [r.choice([1, 1000, 30000, 59999, 60000, 300000, 600000])]


def sequence(r):
    """(flags, octets a time, steps): bytes, "t", or milliseconds."""
    flags = r.choice([0, TLS_ACTIVE, TLS_POSSIBLE,
                      TLS_POSSIBLE | LOGIN_IN_CLEAR, LOGIN_IN_CLEAR,
                      TLS_POSSIBLE | LOGIN_IN_CLEAR]) | r.choice(
                          [0, UTF8_REFUSED])
    groups = []
    if r.random() < 0.3:
        groups.append(["stls"])
    if r.random() < 0.2:
        groups.append([b"UTF8"])
    if r.random() < 0.75:
        groups.append(login_lines(r))
    groups += [group(r) for _ in range(r.randrange(1, 14))]
    steps, pending = [], b""
    pipelines = r.random()
    for lines in groups:
        for item in lines:
            if isinstance(item, bytes):
                pending += item + (b"\n" if r.random() < 0.05 else b"\r\n")
                if r.random() < pipelines:
                    continue
            elif item == "stls" and r.random() < 0.9:
                steps.append(pending)
                pending = b"STLS\r\n"
            steps.append(pending)
            pending = b""
            if item == "stls":
                steps.append("t")
            elif isinstance(item, int):
                steps.append(item)
    steps.append(pending)
    steps = session_model.cut_up(r, steps)
    return flags, r.choice([0, 0, 1, 7, 100]), steps


class Engine(session_model.Engine):
    def __init__(self, build):
        self.drop = []
        for path in DROP:
            with open(path, "rb") as f:
                self.drop.append(Message(f.read()))
        super().__init__(build, "pop3_play", *DROP)

    def play(self, flags, a_time, steps):
        got, over, commits, gone = self.words([flags, a_time], steps)
        return (b"" if got == b"-" else bytes.fromhex(got.decode()),
                over == b"1", int(commits), int(gone))

    def check(self, flags, a_time, steps):
        """What model and engine disagree about, or None."""
        model = Model(flags, self.drop)
        for step in steps:
            if isinstance(step, bytes):
                model.feed(step)
            elif step == "t":
                model.handshake()
            else:
                model.tick(step)
        data, over, commits, gone = self.play(flags, a_time, steps)
        wrong = compare(model, data)
        if wrong:
            return wrong
        if over != (model.state == "OVER"):
            return f"over: {over}, the model is in {model.state}"
        want = sum(1 << i for i in model.gone)
        if (commits, gone) != (model.commits, want):
            return f"deleted {gone:b}, the model {want:b}"
        return None


def run(build, seed, count):
    session_model.run(Engine(build), sequence, seed, count)


if __name__ == "__main__":
    sys.exit(session_model.main(__file__, __doc__, run))
