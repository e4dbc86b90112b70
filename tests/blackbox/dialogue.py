"""Dialogues (tests/wire/README.md) with the real server."""
import os
import re

from post_office import Closed, Failure, Line

FOLDER = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "wire")
SIMPLE = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\",
          "": b""}


def unescape(text):
    """Octets of a C= line."""
    def one(m):
        word = m.group(1).decode()
        if word.startswith("x"):
            return bytes([int(word[1:], 16)])
        return SIMPLE[word]
    return re.sub(rb"\\(x[0-9a-fA-F]{2}|[rnt0\\]|$)", one, text)


class Dialogue:
    def __init__(self, path):
        self.path = path
        self.protocol = os.path.basename(os.path.dirname(path))
        self.given = {"connection": "open", "maildrop": "empty",
                      "size": None, "utf8": "as-is"}
        self.steps = []   # (line number, kind, value)
        self.left = None
        self.kept = None
        self.sender = None
        self.tail = []
        with open(path, "rb") as f:
            for number, line in enumerate(f.read().split(b"\n"), 1):
                self.take(number, line)

    def take(self, number, line):
        word, _, rest = line.partition(b" ")
        rest_text = rest.decode("utf-8", "replace")
        if not line or line.startswith(b"#"):
            return
        if word == b"given:":
            name, _, value = rest_text.partition(" ")
            if name not in self.given:
                raise Failure(f"{self.path}:{number}: given: {name}?")
            self.given[name] = value
        elif word == b"C:":
            self.send(number, rest + b"\r\n")
        elif word == b"C=":
            self.send(number, unescape(rest))
        elif word == b"C*":
            n, _, text = rest.partition(b" ")
            self.send(number, unescape(text) * int(n))
        elif word == b"S:":
            self.steps.append((number, "S", rest))
        elif word in (b"tls", b"hangup", b"closed", b"S..."):
            self.steps.append((number, word.decode(), None))
        elif word == b"left:":
            self.left = [int(n) for n in rest.split()]
        elif word == b"kept:":
            self.kept = [a for a in rest_text.split(", ") if a != "nobody"]
        elif word == b"sender:":
            self.sender = rest
        elif word == b"|":
            self.tail.append(unescape(rest))
        else:
            raise Failure(f"{self.path}:{number}: {line!r}?")

    def send(self, number, octets):
        # Consecutive lines go out together.
        if self.steps and self.steps[-1][1] == "C":
            octets = self.steps.pop()[2] + octets
        self.steps.append((number, "C", octets))

    def maildrop(self):
        folder = os.path.join(FOLDER, "maildrops", self.given["maildrop"])
        names = [n for n in os.listdir(folder) if n.endswith(".eml")]
        found = []
        for name in sorted(names, key=lambda n: int(n[:-4])):
            with open(os.path.join(folder, name), "rb") as f:
                found.append(f.read())
        return found


class Matcher:
    """S: lines with <*> and <name>."""

    def __init__(self):
        self.names = {}

    def check(self, want, got):
        pattern, new = b"", []
        for part in re.split(rb"(<\*>|<[a-z]+>)", want):
            name = part[1:-1]
            if part == b"<*>":
                pattern += b".*"
            elif not re.fullmatch(rb"<[a-z]+>", part):
                pattern += re.escape(part)
            elif name in self.names:
                pattern += re.escape(self.names[name])
            elif name in new:
                pattern += b"(?P=" + name + b")"
            else:
                pattern += b"(?P<" + name + b">[^ ]+)"
                new.append(name)
        m = re.fullmatch(pattern, got, re.S)
        if m:
            self.names.update((n, m.group(n.decode())) for n in new)
        return m is not None


class Talk:
    """One dialogue over one connection."""

    def __init__(self, office, dialogue):
        self.d = dialogue
        self.office = office
        self.matcher = Matcher()
        self.any = False  # lines may come that the next S: does not fit
        tls = dialogue.given["connection"] in ("tls", "tokens")
        port = {"pop3": office.pop3s_port if tls else office.pop3_port,
                "smtp": office.smtp_port,
                "lmtp": office.lmtp_port}[dialogue.protocol]
        self.line = Line(("127.0.0.1", port),
                         office.tls_context() if tls else None)

    def step(self, kind, value):
        c = self.line
        if kind == "C":
            try:
                c.say(value)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the server had enough: `closed` will tell
        elif kind == "S":
            got = c.line()
            while self.any and not self.matcher.check(value, got):
                got = c.line()
            self.any = False
            if not self.matcher.check(value, got):
                raise Failure(f"got {got!r}, not {value!r}")
        elif kind == "S...":
            self.any = True
        elif kind == "tls":
            c.starttls(self.office.tls_context())
        elif kind == "hangup":
            c.close()
        elif kind == "closed":
            more = c.rest()
            if more:
                raise Failure(f"closed, but first said {more!r}")

    def run(self):
        with self.line:
            for number, kind, value in self.d.steps:
                try:
                    self.step(kind, value)
                except (OSError, Closed, Failure) as e:
                    raise Failure(f"{self.d.path}:{number}: {e!r}") from e
            if self.d.steps[-1][1] in ("closed", "hangup"):
                return
            self.line.sock.settimeout(0.05)
            try:
                more = self.line.buffer or self.line.sock.recv(1000)
            except TimeoutError:
                return
            raise Failure(f"{self.d.path}: at its end: {more!r}")
