"""Makes messages as people get them: the same ones for the same seed.

Every message is octets with CRLF line ends that end in CRLF, as SMTP takes
them. One in ten is of a kind that breaks weak mail software: lines of dots,
8-bit text, a line of 100,000 octets, no header, an empty body.
"""
import base64
import quopri
import random
import textwrap

WORDS = (
    "about after all also and any because before between budget but call "
    "change come contract could customer date day delivery do does draft "
    "each end every first for friday from give good have hello help if in "
    "invoice it just know last late letter like list look made make many "
    "meeting monday more most need next no note number of office offer old "
    "on only or order other our out part plan please post price project "
    "question quick report right same say see send should so some station "
    "still such take team thank that the then there these thing this time "
    "to train train tomorrow two under until up very week well what when "
    "which while will with word work would year you").split()
JAPANESE = ("お世話になっております。", "会議の件でご連絡いたします。",
            "明日の午後三時に駅でお会いしましょう。", "請求書を添付します。",
            "よろしくお願いいたします。", "資料をご確認ください。",
            "郵便局は九時から開いています。", "ありがとうございました。")
LATIN = ("Grüße aus Köln", "Où est la gare ?", "¿Dónde está la oficina?",
         "smörgåsbord på måndag", "žluťoučký kůň")
FIRST = ("Alice", "Bob", "Carol", "Dave", "Erika", "François", "Grace",
         "花子", "太郎", "Jürgen", "Zoë", "Ivan")
LAST = ("Smith", "Tanaka", "Müller", "Rossi", "Novák", "佐藤", "Jones",
        "Garcia", "O'Neill", "van Dijk")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun",
          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def encoded_word(text, charset="utf-8"):
    """RFC 2047, in base64."""
    if text.isascii():
        return text
    blob = base64.b64encode(text.encode(charset)).decode()
    return f"=?{charset}?B?{blob}?="


def crlf(text, charset="utf-8"):
    return text.replace("\n", "\r\n").encode(charset)


class Generator:
    def __init__(self, seed=1):
        self.random = random.Random(seed)

    def words(self, least, most):
        r = self.random
        return " ".join(r.choice(WORDS) for _ in range(r.randint(least, most)))

    def paragraph(self):
        text = self.words(15, 90).capitalize() + "."
        return textwrap.fill(text, 72)

    def prose(self, least=1, most=6):
        n = self.random.randint(least, most)
        return "\n\n".join(self.paragraph() for _ in range(n)) + "\n"

    def person(self):
        r = self.random
        first, last = r.choice(FIRST), r.choice(LAST)
        name = "".join(c for c in first.lower() if c.isascii()) or "hanako"
        address = f"{name}{r.randint(1, 99)}@mail{r.randint(1, 9)}.example.net"
        full = f"{first} {last}"
        if full.isascii():
            return f'"{full}" <{address}>'
        return f"{encoded_word(full)} <{address}>"

    def date(self):
        r = self.random
        return (f"{r.choice(DAYS)}, {r.randint(1, 28)} {r.choice(MONTHS)} "
                f"20{r.randint(10, 26)} {r.randint(0, 23):02}:"
                f"{r.randint(0, 59):02}:{r.randint(0, 59):02} "
                f"{r.choice(('+0000', '+0900', '-0500', '+0200'))}")

    def subject(self):
        r = self.random
        kind = r.random()
        text = self.words(2, 9).capitalize()
        if kind < 0.2:
            text = "Re: " + text
        elif kind < 0.35:
            text = r.choice(JAPANESE)
        elif kind < 0.45:
            text = r.choice(LATIN)
        elif kind < 0.5:  # folded over several lines
            return "\n ".join(self.words(8, 11) for _ in range(3))
        return encoded_word(text)

    def header(self, extra=""):
        r = self.random
        text = ""
        for hop in range(r.randint(0, 3)):
            text += (f"Received: from relay{hop}.example.net "
                     f"([192.0.2.{r.randint(1, 254)}])\n"
                     f"\tby mx{hop}.example.com with ESMTPS id "
                     f"{r.getrandbits(48):x};\n\t{self.date()}\n")
        text += (f"From: {self.person()}\nTo: {self.person()}\n"
                 f"Subject: {self.subject()}\nDate: {self.date()}\n"
                 f"Message-ID: <{r.getrandbits(64):x}@example.net>\n")
        if r.random() < 0.3:
            text += f"User-Agent: Example/{r.randint(1, 20)}.0\n"
        return text + "MIME-Version: 1.0\n" + extra + "\n"

    # ---- kinds of messages ----

    def plain(self):
        return crlf(self.header() + self.prose())

    def reply(self):
        quoted = "".join(f"> {line}\n" for line in self.prose().split("\n"))
        return crlf(self.header() + f"Hi,\n\n{quoted}\n{self.prose(1, 2)}")

    def eight_bit(self):
        extra = ("Content-Type: text/plain; charset=utf-8\n"
                 "Content-Transfer-Encoding: 8bit\n")
        lines = [self.random.choice(LATIN + JAPANESE)
                 for _ in range(self.random.randint(3, 30))]
        return crlf(self.header(extra) + "\n".join(lines) + "\n")

    def iso_2022_jp(self):
        extra = "Content-Type: text/plain; charset=iso-2022-jp\n"
        lines = [self.random.choice(JAPANESE)
                 for _ in range(self.random.randint(3, 30))]
        return (crlf(self.header(extra)) +
                crlf("\n".join(lines) + "\n", "iso-2022-jp"))

    def quoted_printable(self):
        extra = ("Content-Type: text/plain; charset=iso-8859-1\n"
                 "Content-Transfer-Encoding: quoted-printable\n")
        text = "Déjà vu. " * self.random.randint(5, 80)
        body = quopri.encodestring(text.encode("latin-1")).decode("ascii")
        return crlf(self.header(extra) + body + "\n")

    def attachment(self, octets=None):
        r = self.random
        bound = f"=_{r.getrandbits(64):016x}"
        if octets is None:
            octets = int(min(r.expovariate(1 / 25000), 400000)) + 100
        blob = base64.encodebytes(r.randbytes(octets)).decode()
        extra = f'Content-Type: multipart/mixed; boundary="{bound}"\n'
        return crlf(
            self.header(extra) +
            "This is a multi-part message in MIME format.\n"
            f"--{bound}\nContent-Type: text/plain; charset=us-ascii\n\n"
            f"{self.prose(1, 2)}"
            f"--{bound}\nContent-Type: image/jpeg; name=\"picture.jpg\"\n"
            "Content-Transfer-Encoding: base64\n"
            "Content-Disposition: attachment; filename=\"picture.jpg\"\n\n"
            f"{blob}--{bound}--\n")

    def html(self):
        r = self.random
        bound = f"----=_Part_{r.randint(1, 10**9)}"
        text = self.prose()
        extra = f'Content-Type: multipart/alternative; boundary="{bound}"\n'
        # Newsletters put everything into a few endless lines.
        cells = "".join(f"<td>{self.words(5, 30)}</td>"
                        for _ in range(r.randint(5, 60)))
        return crlf(
            self.header(extra) +
            f"--{bound}\nContent-Type: text/plain\n\n{text}\n"
            f"--{bound}\nContent-Type: text/html; charset=utf-8\n"
            f"Content-Transfer-Encoding: 8bit\n\n"
            f"<html><body><table><tr>{cells}</tr></table></body></html>\n"
            f"--{bound}--\n")

    def dots(self):
        lines = ["." * self.random.randint(1, 5), ".", "..", ". ", ".a",
                 "From here on", ".From", "a.", ""] * 5
        self.random.shuffle(lines)
        return crlf(self.header() + "\n".join(lines) + "\n")

    def long_line(self):
        return crlf(self.header() + "x" * 100000 + "\n" + self.prose(1, 1))

    def odd(self):
        r = self.random
        return r.choice((
            b"no header at all\r\n",
            b"\r\nan empty header, then a body\r\n",
            b"Subject: a header only\r\n",
            crlf(self.header()),
            crlf(self.header()) + b"nul: \0 and \xff\xfe\r\n",
            b".\r\n",
        ))

    KINDS = (("plain", 28), ("reply", 20), ("html", 15), ("attachment", 12),
             ("quoted_printable", 5), ("eight_bit", 5), ("iso_2022_jp", 5),
             ("dots", 5), ("long_line", 1), ("odd", 4))

    def message(self):
        names = [name for name, _ in self.KINDS]
        weights = [weight for _, weight in self.KINDS]
        return getattr(self, self.random.choices(names, weights)[0])()


def messages(n, seed=1):
    """Yields n messages."""
    g = Generator(seed)
    for _ in range(n):
        yield g.message()
