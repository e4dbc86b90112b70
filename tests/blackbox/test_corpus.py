"""Real mail goes in, and comes out as it was."""
import re

from post_office import is_strict, repaired, strip_trace, to_wire


def fill(office, user, mail, how):
    """Puts all in over one connection; what has to come out."""
    want = []
    with (office.smtp() if how == "smtp" else office.lmtp()) as c:
        for _, body in mail:
            c.send_mail([user], body)
            # The client ends the last line, so that the dot stands alone.
            if body and not body.endswith(b"\r\n"):
                body += b"\r\n"
            want.append(repaired(body))
    return want


def compare(office, user, mail, want):
    wrong = []
    with office.pop3(user, tls=True) as c:
        assert c.stat()[0] == len(mail)
        for n, ((name, _), body) in enumerate(zip(mail, want), 1):
            if strip_trace(c.retr(n)) != body:
                wrong.append(name)
    assert wrong == []


def test_strict_messages_by_smtp(office, user, corpus):
    mail = [(name, body) for name, body in corpus if is_strict(body) and
            # More than a hundred hops are a loop (RFC 5321 section 6.3).
            len(re.findall(rb"(?mi)^received:", body.split(
                b"\r\n\r\n")[0])) <= 100]
    assert len(mail) > 100
    want = fill(office, user, mail, "smtp")
    for (_, body), repaired_ in zip(mail, want):
        assert repaired_ in (body, body + b"\r\n")  # nothing to repair
    compare(office, user, mail, want)


def test_all_messages_by_lmtp(office, user, corpus):
    compare(office, user, corpus, fill(office, user, corpus, "lmtp"))


def test_smtp_refuses_the_others(office, user, corpus):
    mail = [body for _, body in corpus if not is_strict(body)]
    with office.smtp() as c:
        for body in mail[:300]:
            c.smtp_ask(b"MAIL FROM:<a@example.net>")
            c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
            c.smtp_ask(b"DATA", b"354")
            c.say(to_wire(body))
            c.reply(b"550 5.6.0")
            c.smtp_ask(b"NOOP", b"250 2.0.0 ok")
    assert office.collect(user) == []


def test_deliver_command(office, user, corpus):
    mail = corpus[::25]
    for _, body in mail:
        office.run("deliver", user, data=body)
    compare(office, user, mail, [repaired(body) for _, body in mail])


def test_top_of_all(office, user, corpus):
    """TOP agrees with RETR for every message and some counts of lines."""
    mail = corpus[::9]
    fill(office, user, mail, "lmtp")
    with office.pop3(user) as c:
        for n in range(1, len(mail) + 1):
            whole = c.retr(n)
            head, sep, body = whole.partition(b"\r\n\r\n")
            lines = body.split(b"\r\n")[:-1] if sep else []
            for k in (0, 1, 5, 10 ** 9):
                c.ask(b"TOP %d %d" % (n, k))
                assert c.multi() == head + sep + b"".join(
                    line + b"\r\n" for line in lines[:k])
