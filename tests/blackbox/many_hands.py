"""Many clients on the same maildrops, and what they may find there."""
import re
import threading
import time

from post_office import strip_trace, to_wire


class Maildrop:
    """What a maildrop may hold, by what the clients were told."""

    def __init__(self, address):
        self.address = address
        self.lock = threading.Lock()
        self.sent = {}        # subject: body
        self.accepted = set()
        self.deleted = set()  # QUIT asked; said to be so or not yet
        self.gone = set()     # QUIT answered
        self.subject_of = {}  # UIDL: subject
        self.uidl_of = {}


def send_some(office, drops, rng, end, numbers):
    while time.monotonic() < end:
        to = rng.sample(drops, rng.choice([1, 1, 2]))
        subject = b"s%d" % numbers.pop()
        body = (b"Subject: " + subject + b"\r\n\r\n" +
                rng.choice([b".\r\n", b"..x\r\n", b"y" * 70 + b"\r\n"]) *
                rng.choice([0, 1, 40, 1000, 3000]))
        for d in to:
            d.sent[subject] = body
        is_lmtp = rng.random() < 0.5
        with office.lmtp() if is_lmtp else office.smtp() as c:
            if rng.random() < 0.2:  # hangs up before the end
                for d in to:
                    d.sent[subject] = None
                c.smtp_ask(b"MAIL FROM:<a@b.example>")
                for d in to:
                    c.smtp_ask(b"RCPT TO:<%b>" % d.address.encode())
                c.smtp_ask(b"DATA", b"354")
                c.say(to_wire(body)[:-3])
            else:
                c.send_mail([d.address for d in to], body, lmtp=is_lmtp)
                for d in to:
                    with d.lock:
                        d.accepted.add(subject)


def one_session(office, d, rng, wants_all=False):
    with d.lock:
        accepted, gone = set(d.accepted), set(d.gone)
    with office.pop3(d.address, tls=rng.random() < 0.3) as c:
        n, octets = c.stat()
        uidls = c.uidl()
        assert len(set(uidls)) == len(uidls) == n
        for i, uidl in enumerate(uidls):
            if uidl in d.subject_of and not wants_all and rng.random() < 0.9:
                continue
            body = strip_trace(c.retr(i + 1))
            subject = re.match(rb"Subject: (s\d+)\r\n", body).group(1)
            with d.lock:
                assert d.sent[subject] == body
                assert d.subject_of.setdefault(uidl, subject) == subject
                assert d.uidl_of.setdefault(subject, uidl) == uidl
        here = {d.subject_of[u] for u in uidls}
        with d.lock:
            assert accepted - d.deleted <= here  # nothing is lost,
        assert not gone & here                   # and nothing comes back
        dele = rng.sample(range(n), min(n, rng.choice([0, 1, 5])))
        for i in dele:
            c.ask(b"DELE %d" % (i + 1))
        assert c.uidl() == [u for i, u in enumerate(uidls) if i not in dele]
        if rng.random() < 0.2:
            c.ask(b"RSET")
            assert c.stat() == (n, octets)
        elif rng.random() < 0.7:
            subjects = {d.subject_of[uidls[i]] for i in dele}
            with d.lock:
                d.deleted |= subjects
            c.ask(b"QUIT")
            with d.lock:
                d.gone |= subjects
