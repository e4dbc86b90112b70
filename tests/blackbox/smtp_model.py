#!/usr/bin/python3
"""SMTP and LMTP as the RFCs have them: a small reference model of one
session, and random sequences of commands for it (threat 35).

The model is written from RFC 5321, 1870, 2033, 2034, 2920, 3030, 3207, 3461,
3848, 6152 and 6531 and the limits that the engine's headers name; it shares no
code with the engine.

A million sequences, against the engine of a build:

    tests/blackbox/smtp_model.py [-n 1000000] [-s SEED] [-j JOBS] [BUILD]
"""
import re
import sys

import session_model


# enum smtp_server_flags
LMTP, TLS_ACTIVE, TLS_POSSIBLE, XCLIENT = 1, 2, 4, 16
# enum smtp_play_failure
FAIL_NOTHING, FAIL_RCPT, FAIL_DATA, FAIL_MESSAGE = range(4)

SIZE_MAX = 1000
LINE_MAX = 2048
DISCARD_MAX = 65536     # of an overlong line, about
BAD_COMMANDS_MAX = 20   # in a row
REFUSED_RCPT_MAX = 100
CHUNK_MAX = 1 << 32
HOPS_MAX = 100
IDLE_MS, DATA_MS, DATA_RATE = 300000, 600000, 256
HTTP = b"GET POST PUT HEAD TRACE PATCH OPTIONS DELETE CONNECT".split()

TOO_BIG, BARE, FULL = b"552 5.3.4", b"550 5.6.0", b"452 4.3.1"
HOLE, LOOP = b"554 5.3.0", b"554 5.4.6"

USER8 = "用户".encode()
LONG = b"l" * 64
# What stands behind FROM: or TO:, and the mailbox that it means, or None.
PATHS = {
    b"<>": b"", b"<a@b.c>": b"a@b.c", b"<alice@example.org>":
    b"alice@example.org", b"<bob@example.org>": b"bob@example.org",
    b"<ALICE@EXAMPLE.ORG>": b"ALICE@EXAMPLE.ORG",
    b"<carol@example.org>": b"carol@example.org",
    b"<nobody@example.org>": b"nobody@example.org",
    b"<x@else.where>": b"x@else.where", b"<postmaster>": b"postmaster",
    b"<@r.s,@t.u:bob@example.org>": b"bob@example.org",
    b"<\"q\"@b.c>": b"\"q\"@b.c", b"<a@[192.0.2.1]>": b"a@[192.0.2.1]",
    b"<.a.@b_c>": b".a.@b_c", b"<" + USER8 + b"@b.c>": USER8 + b"@b.c",
    b"<alice@" + USER8 + b">": b"alice@" + USER8,
    b"<" + LONG + b"@b>": LONG + b"@b", b"<" + LONG + b"l@b>": None,
    b"a@b.c": None, b"<a@b.c": None, b"<a>": None, b"<\"\"@b.c>": None,
    b"<a@b..c>": None, b"<a\xff@b.c>": None, b"<@r.s>": None, b"": None,
    b"<a@b.c>x": None, b"<a@[1.2.3]>": None,
}
XTEXT = rb"(?:[!-*,-<>-~]|\+(?:[2-6][0-9A-F]|7[0-9A-E]))"
PARAMS = {
    "MAIL": {"SIZE": rb"[0-9]{1,20}", "BODY": rb"(?i:7BIT|8BITMIME)",
             "SMTPUTF8": None, "RET": rb"(?i:FULL|HDRS)",
             "ENVID": XTEXT + rb"{1,100}"},
    "RCPT": {"NOTIFY": rb"(?i:NEVER|(?:SUCCESS|FAILURE|DELAY)"
                       rb"(?:,(?:SUCCESS|FAILURE|DELAY))*)",
             "ORCPT": rb"[A-Za-z0-9-]+;" + XTEXT + rb"+"},
}


def read_params(of, text, esmtp):
    """(parameters, None) or (None, the reply that is due)."""
    seen = {}
    words = text.split()
    if words and not esmtp:
        return None, b"555 5.5.4"
    for i, word in enumerate(words):
        name, equals, value = word.partition(b"=")
        key = name.decode("latin-1").upper()
        if i == 16:
            return None, b"501 5.5.4"
        if key not in PARAMS[of]:
            return None, b"555 5.5.4"
        form = PARAMS[of][key]
        if key in seen or (form is None) != (equals == b"") or (
                form is not None and not re.fullmatch(form, value)):
            return None, b"501 5.5.4"
        if key == "SIZE" and int(value) >= 1 << 64:
            return None, b"501 5.5.4"
        seen[key] = value
    return seen, None


def bare_at(text):
    """Where the first bare CR or LF is, or None."""
    m = re.search(rb"\r(?!\n)|(?<!\r)\n", text)
    return m.start() if m else None


def repaired(text, unstuff=False):
    """Lines by LMTP's rule: an LF with the CRs before it ends one, and so
    does any other CR. From DATA a dot goes where CRLF was in front."""
    parts = re.split(rb"(\r*\n|\r)", text)
    out, real = b"", True
    for i in range(0, len(parts), 2):
        line = parts[i]
        if unstuff and real and line.startswith(b"."):
            line = line[1:]
        out += line
        if i + 1 < len(parts):
            out += b"\r\n"
            real = parts[i + 1].endswith(b"\r\n")
    return out


def wire(message):
    return re.sub(rb"(?m)^\.", b"..", message) + b".\r\n"


def hops(message):
    header = (b"\r\n" + message).split(b"\r\n\r\n")[0] + b"\r\n"
    return len(re.findall(rb"(?i)\r\nreceived[ \t]*:", header))


class Model:
    def __init__(self, flags):
        self.flags = flags
        self.state = "START"
        self.replies = []       # (start, lines of a multi-line one or None)
        self.kept = []
        self.aborts = 0
        self.lines = self.bad_n = self.refused_n = 0
        self.now = self.active = self.data_ms = 1000
        self.line, self.discarding = b"", False
        self.esmtp = False
        self.failure = FAIL_NOTHING
        self.reset()
        self.say(b"220")

    @property
    def lmtp(self):
        return self.flags & LMTP

    def reset(self):
        """RFC 5321 section 4.1.1.5: all of a transaction goes."""
        self.aborts += getattr(self, "begun", False)
        self.sender, self.rcpts, self.utf8 = None, [], False
        self.text, self.chunked, self.refused = b"", False, None
        self.begun, self.last = False, False
        if self.state in ("MAIL", "DATA", "CHUNK"):
            self.state = "READY"

    def end(self):
        self.reset()
        self.state = "OVER"

    # -- replies --

    def say(self, start, lines=None):
        if self.state != "OVER":
            self.replies.append((start, lines))
        self.bad_n = 0

    def bad(self, start):
        n = self.bad_n
        self.say(start)
        self.count_bad(n)

    def count_bad(self, n):
        self.bad_n = n + 1
        if self.bad_n == BAD_COMMANDS_MAX and self.state != "OVER":
            self.say(b"421 4.7.0")
            self.end()

    # -- input --

    def feed(self, data):
        self.tick(0, True)
        if self.state == "TLS" and data:
            self.end()
        while data and self.state not in ("OVER", "TLS"):
            if self.state == "DATA":
                data = self.eat_data(data)
            elif self.state in ("CHUNK", "DROP"):
                data = self.eat_chunk(data)
            else:
                data = self.eat_line(data)

    def eat_line(self, data):
        part, lf, rest = data.partition(b"\n")
        self.line += part + lf
        if self.discarding:
            if len(self.line) > DISCARD_MAX:
                self.end()
        elif len(self.line) > LINE_MAX:
            self.discarding = True
            self.lines += 1
            self.bad(b"500 5.5.2")
            if len(self.line) > DISCARD_MAX:
                self.end()
        if self.state == "OVER" or not lf:
            return rest
        line, self.line = self.line[:-1], b""
        if self.discarding:
            self.discarding = False
        else:
            self.active = self.now
            self.run(line, rest)
        return rest

    def tick(self, ms, active=False):
        self.now += ms
        in_data = self.state in ("DATA", "CHUNK", "DROP")
        if active and in_data:
            self.active = self.now
        end = self.active + IDLE_MS
        if in_data:
            end = min(end, self.data_ms + DATA_MS +
                      self.data_n * 1000 // DATA_RATE)
        if self.state != "OVER" and self.now >= end:
            if self.state != "TLS":
                self.say(b"421 4.4.2")
            self.end()

    def handshake(self):
        if self.state == "TLS":
            self.flags |= TLS_ACTIVE
            self.state, self.bad_n, self.esmtp = "START", 0, False

    def run(self, line, behind):
        first = self.lines == 0
        self.lines += 1
        crlf = line.endswith(b"\r")
        text = line[:-1] if crlf else line
        if b"\0" in text or (first and any(
                text.upper().startswith(v + b" ") for v in HTTP)):
            self.say(b"500 5.5.2")
            self.end()
        elif b"\r" in text or not (crlf or self.lmtp):
            self.bad(b"500 5.5.2")
        else:
            self.command(text, behind)

    # -- commands --

    HELLO, ARG, NO_ARG = 1, 2, 4
    TABLE = {b"RCPT": HELLO | ARG, b"MAIL": HELLO | ARG,
             b"DATA": HELLO | NO_ARG, b"BDAT": ARG, b"RSET": NO_ARG,
             b"EHLO": 0, b"HELO": 0, b"LHLO": 0, b"NOOP": 0, b"QUIT": NO_ARG,
             b"STARTTLS": NO_ARG, b"XCLIENT": ARG, b"VRFY": ARG, b"EXPN": ARG,
             b"HELP": 0}

    def verbs(self):
        gone = {b"EHLO", b"HELO"} if self.lmtp else {b"LHLO"}
        return set(self.TABLE) - gone

    def command(self, line, behind):
        verb, _, arg = line.partition(b" ")
        verb, arg = verb.upper(), arg.strip(b" \t")
        if verb not in self.verbs():
            return self.bad(b"500 5.5.1")
        rule = self.TABLE[verb]
        if rule & self.HELLO and self.state == "START":
            return self.bad(b"503 5.5.1")
        if rule & self.ARG and not arg or rule & self.NO_ARG and arg:
            return self.bad(b"501 5.5.4")
        return getattr(self, "do_" + verb.decode().lower())(arg, behind)

    def offers_tls(self):
        return self.flags & (TLS_POSSIBLE | TLS_ACTIVE) == TLS_POSSIBLE

    def hello(self, name, behind):
        if not re.fullmatch(rb"[A-Za-z0-9._:\[\]-]{1,255}", name):
            self.bad(b"501 ")
            return False
        if self.state == "START" and behind and not self.lmtp:
            self.say(b"554 5.5.1")
            self.end()
            return False
        self.reset()
        self.state = "READY"
        return True

    def do_ehlo(self, arg, behind):
        if not self.hello(arg, behind):
            return
        self.esmtp = True
        self.say(b"250", {b"mail.example.org", b"PIPELINING",
                          b"SIZE %d" % SIZE_MAX, b"8BITMIME", b"CHUNKING",
                          b"SMTPUTF8", b"ENHANCEDSTATUSCODES"} |
                 ({b"STARTTLS"} if self.offers_tls() else set()) |
                 ({b"XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR "
                   b"DESTPORT"} if self.flags & XCLIENT else set()))

    do_lhlo = do_ehlo

    def do_helo(self, arg, behind):
        if self.hello(arg, behind):
            self.esmtp = False
            self.say(b"250 mail.example.org")

    def path_and_params(self, of, keyword, arg, wrong):
        m = re.fullmatch(rb"(?i:" + keyword + rb")[ \t]*([^ \t]*)(.*)", arg,
                         re.S)
        path = PATHS.get(m.group(1)) if m else None
        if path is None or (of == "MAIL" and path and b"@" not in path) or (
                of == "RCPT" and not path):
            self.bad(wrong)
            return None, None
        params, refusal = read_params(of, m.group(2), self.esmtp)
        if refusal:
            self.bad(refusal)
        return path, params

    def do_mail(self, arg, _):
        if self.state != "READY":
            return self.bad(b"503 5.5.1")
        path, params = self.path_and_params("MAIL", b"FROM:", arg,
                                            b"501 5.1.7")
        if params is None:
            return None
        if not path.isascii() and "SMTPUTF8" not in params:
            return self.say(b"550 5.6.7")
        if int(params.get("SIZE", 0)) > SIZE_MAX:
            return self.say(TOO_BIG)
        self.sender, self.utf8 = path, "SMTPUTF8" in params
        self.state = "MAIL"
        return self.say(b"250 2.1.0")

    def do_rcpt(self, arg, _):
        if self.state != "MAIL" or self.chunked:
            return self.bad(b"503 5.5.1")
        path, params = self.path_and_params("RCPT", b"TO:", arg,
                                            b"501 5.1.3")
        if params is None:
            return None
        if not path.isascii() and not self.utf8:
            return self.say(b"553 5.6.7")
        local, _, domain = path.rpartition(b"@")
        if path.lower() == b"postmaster":
            local, domain = path, b"example.org"
        if domain.lower() != b"example.org":
            self.say(b"550 5.7.1")
        elif local.lower() == b"carol":
            return self.say(b"452 4.2.2")
        elif local.lower() not in (b"alice", b"bob", b"postmaster"):
            self.say(b"550 5.1.1")
        elif self.failure == FAIL_RCPT:
            return self.say(FULL)
        else:
            self.rcpts.append(path)
            return self.say(b"250 2.1.5")
        self.refused_n += 1
        if self.refused_n >= REFUSED_RCPT_MAX and not self.lmtp:
            self.say(b"421 4.7.0")
            self.end()
        return None

    def do_data(self, *_):
        if self.state != "MAIL" or self.chunked or not self.rcpts:
            return self.bad(b"503 5.5.1")
        if self.failure == FAIL_DATA:
            self.say(FULL)
            return self.reset()
        self.state, self.begun = "DATA", True
        self.data_ms, self.data_n = self.now, 0
        return self.say(b"354")

    def do_rset(self, *_):
        self.reset()
        self.say(b"250 2.0.0")

    def do_noop(self, *_):
        self.say(b"250 2.0.0")

    def do_vrfy(self, *_):
        self.say(b"252 2.5.0")

    def do_expn(self, *_):
        self.say(b"502 5.5.1")

    def do_help(self, arg, _):
        hidden = (set() if self.offers_tls() else {b"STARTTLS"}) | \
            (set() if self.flags & XCLIENT else {b"XCLIENT"})
        if not arg:
            self.say(b"214", None)
        elif arg.upper() in self.verbs() - hidden:
            self.say(b"214 2.0.0")
        else:
            self.bad(b"504 5.5.4")

    def do_quit(self, *_):
        self.say(b"221 2.0.0")
        self.end()

    def do_starttls(self, _, behind):
        if not self.offers_tls():
            return self.bad(b"503 5.5.1" if self.flags & TLS_ACTIVE
                            else b"502 5.5.1")
        if self.begun:
            return self.bad(b"503 5.5.1")
        if behind:
            self.say(b"501 5.5.4")
            return self.end()
        self.reset()
        self.say(b"220 2.0.0")
        self.state = "TLS"
        return None

    def do_xclient(self, arg, _):
        if not self.flags & XCLIENT:
            return self.bad(b"550 5.7.0")
        if self.state not in ("START", "READY"):
            return self.bad(b"503 5.5.1")
        if not re.fullmatch(rb"ADDR=[0-9.]+( PROTO=E?SMTP)?", arg):
            return self.bad(b"501 5.5.4")
        self.state, self.refused_n = "START", 0
        return self.say(b"220")

    # -- messages --

    def eat_data(self, data):
        before = len(self.text)
        self.text += data
        full = b"\r\n" + self.text
        at = full.find(b"\r\n.\r\n")
        if at < 0:
            self.data_n += len(data)
            # Told at once; what may be the end is not judged yet.
            self.look_at(re.sub(rb"(?:(?:(?<=\r\n)|\A)\.)?\r?\Z", b"",
                                self.text))
            return b""
        used = at + 3 - before
        text = full[2:at + 2]
        self.look_at(text)
        self.finish(wire(repaired(text, True)))
        return data[used:]

    def look_at(self, text):
        """Refuses what DATA has brought so far, if it has to be."""
        if self.refused:
            return
        message = repaired(text, True)
        bare = None if self.lmtp else bare_at(text)
        # What is wrong first counts.
        if bare is not None and \
                len(repaired(text[:bare], True)) <= SIZE_MAX:
            self.refuse(BARE)
        elif hops(message) > HOPS_MAX and not self.lmtp:
            self.refuse(LOOP)
        elif len(message) > SIZE_MAX:
            self.refuse(TOO_BIG)

    def refuse(self, why):
        self.aborts += self.begun
        self.refused, self.begun = why, False

    def finish(self, octets):
        answer = self.refused or (
            FULL if self.failure == FAIL_MESSAGE else b"250 2.0.0")
        if not self.refused and self.failure != FAIL_MESSAGE:
            self.kept.append((self.sender, b",".join(self.rcpts),
                              self.protocol(), octets))
        for _ in self.rcpts if self.lmtp else [None]:
            self.say(answer)
        self.begun = False
        self.reset()

    def protocol(self):
        """RFC 3848, RFC 6531 section 4.3."""
        tls = b"S" if self.flags & TLS_ACTIVE else b""
        if self.lmtp:
            return (b"UTF8" if self.utf8 else b"") + b"LMTP" + tls
        if self.utf8:
            return b"UTF8SMTP" + tls
        return b"ESMTP" + tls if self.esmtp else b"SMTP"

    # -- BDAT --

    def octets(self):
        """Of the text so far; CRs at its end wait for what follows."""
        text = self.text.rstrip(b"\r")
        return len(repaired(text)), len(self.text) - len(text)

    def do_bdat(self, arg, _):
        word, _, mark = arg.partition(b" ")
        mark = mark.strip(b" \t").upper()
        if not re.fullmatch(rb"[0-9]+", word):
            n = self.bad_n
            self.say(b"501 5.5.4")
            self.lose_chunk()
            return self.count_bad(n)
        size = int(word)
        if size > CHUNK_MAX:
            self.say(TOO_BIG)
            return self.end()
        if self.state != "MAIL" or not self.rcpts:
            return self.drop(size, b"503 5.5.1")
        if mark not in (b"", b"LAST"):
            self.lose_chunk()
            return self.drop(size, b"501 5.5.4")
        first, self.chunked = not self.chunked, True
        self.bad_n = 0
        if not self.refused and sum(self.octets()) + size > SIZE_MAX:
            self.refuse(TOO_BIG)
        elif first and self.failure == FAIL_DATA:
            self.refused = FULL
        elif first:
            self.begun = True
        self.state, self.left, self.last = "CHUNK", size, mark == b"LAST"
        self.data_ms, self.data_n = self.now, 0
        return self.end_chunk()

    def lose_chunk(self):
        if self.state == "MAIL" and self.rcpts and not self.refused:
            self.chunked = True
            self.refuse(HOLE)

    def drop(self, size, reply):
        self.came_from, self.reply = self.state, reply
        self.state, self.left = "DROP", size
        self.data_ms, self.data_n = self.now, 0
        self.count_bad(self.bad_n)
        if self.state == "DROP":
            self.end_chunk()

    def eat_chunk(self, data):
        part = data[:self.left]
        self.left -= len(part)
        self.data_n += len(part)
        if self.state == "CHUNK" and not self.refused:
            self.text += part
            octets, crs = self.octets()
            if not self.lmtp and (
                    bare_at(self.text.rstrip(b"\r")) is not None or
                    crs > 1):
                self.refuse(BARE)
            elif octets > SIZE_MAX + 2:
                self.refuse(TOO_BIG)
        self.end_chunk()
        return data[len(part):]

    def end_chunk(self):
        if self.left > 0:
            return
        if self.state == "DROP":
            n = self.bad_n
            self.state = self.came_from
            self.say(self.reply)
            self.bad_n = n
        elif not self.last:
            self.state = "MAIL"
            self.say(self.refused or b"250 2.0.0")
        else:
            message = repaired(self.text)
            if not self.refused and not self.lmtp and \
                    self.text.endswith(b"\r"):
                self.refuse(BARE)
            if not message.endswith(b"\r\n") and message:
                message += b"\r\n"
            if not self.refused and len(message) > SIZE_MAX + 2:
                self.refuse(TOO_BIG)
            self.finish(wire(message))


# ---- comparing ----

def compare(model, data):
    """What is wrong with a transcript, or None."""
    lines = data.split(b"\r\n")
    if lines.pop() != b"":
        return f"ends within a line: {data[-100:]!r}"
    at = 0
    for start, want in model.replies:
        first = at
        while at < len(lines) and lines[at][3:4] == b"-":
            at += 1
        if at == len(lines):
            return f"no reply, expected {start!r}"
        at += 1
        if not all(line[:3] == start[:3] for line in lines[first:at]) or \
                not (lines[at - 1] + b" ").startswith(start):
            return f"got {lines[first:at]!r}, expected {start!r}"
        # RFC 2034 section 4: after 2, 4 and 5 but the greeting and hello.
        if want is not None and {line[4:] for line in
                                 lines[first:at]} != want:
            return f"got {lines[first:at]!r}, expected {want!r}"
    if at < len(lines):
        return f"nobody asked for {lines[at]!r}"
    return None


# ---- random sequences ----

SENDERS = [b"<>", b"<a@b.c>", b"<a@b.c>", b"<a@b.c>"]
TAKERS = [b"<alice@example.org>", b"<bob@example.org>",
          b"<ALICE@EXAMPLE.ORG>", b"<postmaster>"]
MAIL_PARAMS = [b"", b"", b"", b" SIZE=10", b" SIZE=0010 BODY=8BITMIME",
               b" SIZE=1000", b" SIZE=1001", b" SMTPUTF8", b" smtputf8",
               b" SMTPUTF8=x", b" SIZE=x", b" SIZE=18446744073709551616",
               b" BODY=BINARYMIME", b" BODY=7bit", b" AUTH=<>",
               b" RET=FULL ENVID=a+20b", b" ENVID=a+00b", b" ENVID=a+0d",
               b" RET=NO", b" SIZE=1 SIZE=1", b" X" * 17, b" =", b" SIZE"]
RCPT_PARAMS = [b"", b"", b"", b"", b" NOTIFY=NEVER", b" NOTIFY=SUCCESS,DELAY",
               b" NOTIFY=NEVER,DELAY", b" ORCPT=rfc822;a+2Bb@c",
               b" ORCPT=rfc822;a+00b", b" ORCPT=rfc822", b" SIZE=1",
               b" NOTIFY=NEVER NOTIFY=NEVER"]
HELLOS = [b"x", b"client.example.net", b"[192.0.2.1]", b"", b"a b", b"a(b)",
          USER8]
JUNK = [b"", b" ", b"X", b"GET / HTTP/1.0", b"N" * 2046, b"N" * 2047,
        b"NO\rOP", b"NOOP\r", b"QUIT\0", b"\xff\xfe", b"\tNOOP", b"DATA now",
        b"RSET now", b"VRFY", b"VRFY x", b"EXPN x", b"HELP", b"HELP data",
        b"HELP x", b"noop  x", b"NOOP", b"BDAT", b"AUTH PLAIN x", b"MAIL",
        b"RCPT", b"MAIL TO:<a@b.c>", b"XCLIENT", b"XCLIENT FOO=1",
        b"XCLIENT ADDR=192.0.2.1", b"XCLIENT ADDR=192.0.2.1 PROTO=SMTP",
        b"EHLO", b"HELP STARTTLS", b"HELP XCLIENT", b"TURN"]
TEXTS = [b"", b"x\r\n", b"s: x\r\n\r\nbody\r\n", b".\r\n", b"..\r\n",
         b".x\r\n", b"\r\n", b"\r\n.\r\n", b"NOOP\r\nQUIT\r\n", b"no end",
         b"\0\xff\r\n", b"a\r\n.b\r\n..\r\n", b"x" * 997 + b"\r\n",
         b"x" * 998 + b"\r\n", b"x" * 999 + b"\r\n", b"y" * 3000]
BARES = [b"a\nb\r\n", b"a\rb\r\n", b"\n.\n", b"\n.\r\nQUIT\r\n", b"a\r\r\nb",
         b"\r\r\r", b"x\r", b"\n.x", b"\r.\r\n", b"..\n..\r\n"]
WORDS = [b"MAIL FROM:", b"RCPT TO:"]


def stuffed(text):
    """As a client sends it behind DATA."""
    if text and not text.endswith(b"\r\n"):
        text += b"\r\n"
    return re.sub(rb"(?:(?<=\r\n)|\A)\.", b"..", text) + b".\r\n"


def a_text(r):
    kind = r.random()
    if kind < 0.6:
        return r.choice(TEXTS[:12])
    if kind < 0.7:
        return r.choice(TEXTS)
    if kind < 0.72:
        return b"Received:\r\n" * r.choice([80, 90]) + b"\r\n"
    return b"".join(r.choice(BARES + [b"x", b"\r\n"])
                    for _ in range(r.randrange(1, 4)))


def mail(r):
    return b"MAIL FROM:" + r.choice(
        SENDERS if r.random() < 0.8 else list(PATHS)) + (
            b"" if r.random() < 0.6 else r.choice(MAIL_PARAMS))


def rcpt(r):
    return b"RCPT TO:" + r.choice(
        TAKERS if r.random() < 0.7 else list(PATHS)) + (
            b"" if r.random() < 0.8 else r.choice(RCPT_PARAMS))


def chunks(r):
    """(text to feed) of a message by BDAT, mostly right."""
    text, out = a_text(r), []
    for _ in range(r.choice([0, 0, 1, 1, 2, 5])):
        n = r.randrange(0, len(text) + 1)
        out.append(b"BDAT %d\r\n%s" % (n, text[:n]))
        text = text[n:]
        if r.random() < 0.08:
            out.append(r.choice([b"RSET\r\n", b"NOOP\r\n", b"DATA\r\n",
                                 b"BDAT x\r\n", b"BDAT 6 FIRST\r\nNOOP\r\n",
                                 b"STARTTLS\r\n", b"MAIL FROM:<a@b.c>\r\n",
                                 b"RCPT TO:<bob@example.org>\r\n"]))
    last = r.choice([b" LAST", b" LAST", b" LAST", b" last ", b""])
    if r.random() < 0.1:
        out.append(b"BDAT %d\r\n%s" % (len(text), text))
        text = b""
    out.append(b"BDAT %d%s\r\n%s" % (len(text), last, text))
    return [b"".join(out)] if r.random() < 0.5 else out


def transaction(r):
    items = [mail(r) + b"\r\n"]
    items += [rcpt(r) + b"\r\n" for _ in range(r.choice([0, 1, 1, 1, 2, 3]))]
    if r.random() < 0.1:
        items.append(r.choice([b"RSET\r\n", b"EHLO y\r\n", b"LHLO y\r\n",
                               b"NOOP\r\n"]))
    if r.random() < 0.5:
        items += [b"DATA\r\n", stuffed(a_text(r))]
    else:
        items += chunks(r)
    return items


def group(r):
    """Octets that belong together, a handshake, time, or a failure."""
    kind = r.random()
    if kind < 0.45:
        return transaction(r)
    if kind < 0.55:
        return [r.choice([mail, rcpt])(r) + b"\r\n"]
    if kind < 0.62:
        return [r.choice([b"EHLO ", b"HELO ", b"LHLO "]) +
                r.choice(HELLOS) + b"\r\n"]
    if kind < 0.66:
        return ["starttls"]
    if kind < 0.80:
        return [r.choice(JUNK) + b"\r\n"]
    if kind < 0.84:
        return [r.choice([b"BDAT 4 LAST\r\nNOOP", b"BDAT 0\r\n", b"DATA\r\n",
                          b"BDAT 4294967296\r\nNOOP\r\n", b"BDAT 00\r\n",
                          b"BDAT 4294967297 LAST\r\n", b"RSET\r\n",
                          b"BDAT 9999999999999999999999\r\n"])]
    if kind < 0.87:
        return [b"X\r\n"] * r.randrange(1, 24)
    if kind < 0.89:
        return [b"QUIT\r\n"]
    if kind < 0.895:
        return [b"Z" * r.choice([60000, 70000]) + b"\r\n"]
    if kind < 0.96:
        return [("f", r.choice([0, 0, 1, 2, 3]))]
    return [r.choice([1, 1000, 60000, 299999, 300000])]


def sequence(r):
    """(flags, octets a time, steps): bytes, "t", ("f", n), or ms."""
    flags = r.choice([0, LMTP]) | r.choice(
        [0, TLS_ACTIVE, TLS_POSSIBLE, TLS_POSSIBLE]) | \
        (XCLIENT if r.random() < 0.2 else 0)
    verb = b"LHLO x\r\n" if flags & LMTP else b"EHLO x\r\n"
    groups = [[verb]] if r.random() < 0.9 else []
    if r.random() < 0.2:
        groups += [["starttls"], [verb]]
    groups += [group(r) for _ in range(r.randrange(1, 12))]
    steps, pending = [], b""
    pipelines = r.random() * (r.random() < 0.7)
    for n, items in enumerate(groups):
        for item in items:
            if isinstance(item, bytes):
                if item.endswith(b"\r\n") and r.random() < 0.02:
                    item = item[:-2] + b"\n"
                pending += item
                if r.random() < pipelines and item != verb:
                    continue
            elif item == "starttls":
                steps += [pending, b"STARTTLS\r\n"]
                pending = b""
            steps.append(pending)
            pending = b""
            if item == "starttls":
                steps.append("t")
            elif not isinstance(item, bytes):
                steps.append(item)
    steps.append(pending)
    steps = session_model.cut_up(r, steps)
    return flags, r.choice([0, 0, 1, 7, 100]), steps


class Engine(session_model.Engine):
    def __init__(self, build):
        super().__init__(build, "smtp_play")

    def play(self, flags, a_time, steps):
        *kept, got, over, aborts = self.words(
            [flags, SIZE_MAX, a_time], steps)
        return (bytes.fromhex(got[:-1].decode()), over == b"1", int(aborts),
                [tuple(bytes.fromhex(part.decode())
                       for part in m[1:].split(b"/")) for m in kept])

    def check(self, flags, a_time, steps):
        """What model and engine disagree about, or None."""
        model = Model(flags)
        for step in steps:
            if isinstance(step, bytes):
                model.feed(step)
            elif isinstance(step, tuple):
                model.failure = step[1]
            elif step == "t":
                model.handshake()
            else:
                model.tick(step)
        data, over, aborts, kept = self.play(flags, a_time, steps)
        wrong = compare(model, data)
        if wrong:
            return wrong
        if over != (model.state == "OVER"):
            return f"over: {over}, the model is in {model.state}"
        if kept != model.kept:
            return f"kept {kept!r}, the model {model.kept!r}"
        if aborts != model.aborts:
            return f"{aborts} aborts, the model {model.aborts}"
        return None


def run(build, seed, count):
    session_model.run(Engine(build), sequence, seed, count)


if __name__ == "__main__":
    sys.exit(session_model.main(__file__, __doc__, run))
