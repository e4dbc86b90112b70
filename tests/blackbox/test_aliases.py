"""Domains, aliases and sub-addresses: what commands say, who gets what."""
import json

import pytest

from post_office import DOMAIN, PostOffice

BODY = b"Subject: x\r\n\r\nbody\r\n"


@pytest.fixture(scope="module")
def village():
    """Three accounts, and a second domain."""
    office = PostOffice()
    try:
        office.set("default_domain", DOMAIN)
        office.start()
        for name in ("ann", "ben", "cy"):
            office.add_account(name)
        office.run("domain", "add", "example.net")
        yield office
    finally:
        office.close()


def count(office, name):
    with office.pop3(f"{name}@{DOMAIN}") as c:
        return c.stat()[0]


def err(done):
    return done.stderr.decode()


def listed(office, what):
    return json.loads(office.run(what, "list", "--json").stdout)


def test_nobody_gets_it_twice(village):
    before = [count(village, n) for n in ("ann", "ben", "cy")]
    village.run("alias", "add", f"team@{DOMAIN}", "ann", "ben")
    village.run("alias", "add", "all@example.net", f"team@{DOMAIN}", "cy",
                "ben")
    with village.smtp() as c:
        c.send_mail([f"team@{DOMAIN}", "all@example.net", f"ann@{DOMAIN}",
                     f"ann+list@{DOMAIN}"], BODY, lmtp=False)
    assert [count(village, n) for n in ("ann", "ben", "cy")] == [
        n + 1 for n in before]
    # LMTP answers each recipient.
    with village.lmtp() as c:
        c.send_mail([f"team@{DOMAIN}", "all@example.net", f"ann@{DOMAIN}"],
                    BODY)
    assert [count(village, n) for n in ("ann", "ben", "cy")] == [
        n + 2 for n in before]
    assert {a["alias"]: a["targets"] for a in listed(village, "alias")} == {
        "all@example.net": [f"ben@{DOMAIN}", f"cy@{DOMAIN}",
                            f"team@{DOMAIN}"],
        f"team@{DOMAIN}": [f"ann@{DOMAIN}", f"ben@{DOMAIN}"]}
    text = village.run("alias", "list").stdout.decode()
    assert text.splitlines()[1] == (f"team@{DOMAIN}  ann@{DOMAIN}, "
                                    f"ben@{DOMAIN}")


def test_a_change_is_in_force_at_once(village):
    with village.smtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        c.smtp_ask(b"RCPT TO:<new@example.net>", b"550 5.1.1")
        village.run("alias", "add", "new@example.net", "cy")
        c.smtp_ask(b"RCPT TO:<new@example.net>", b"250")
        village.run("alias", "remove", "new@example.net")
        c.smtp_ask(b"RCPT TO:<new@example.net>", b"550 5.1.1")
        c.smtp_ask(b"RCPT TO:<x@shop.example>", b"550 5.7.1")
        village.run("domain", "add", "shop.example", "--alias-of", DOMAIN)
        c.smtp_ask(b"RCPT TO:<cy@shop.example>", b"250")
        c.smtp_ask(b"RCPT TO:<x@shop.example>", b"550 5.1.1")
        village.run("domain", "remove", "shop.example")
        c.smtp_ask(b"RCPT TO:<cy@shop.example>", b"550 5.7.1")


def test_catch_all_and_postmaster(village):
    before = count(village, "cy")
    village.run("alias", "add", "@example.net", "cy")
    village.deliver("who.ever@example.net", BODY)
    village.deliver("postmaster@EXAMPLE.net", BODY)
    assert count(village, "cy") == before + 2
    village.run("alias", "remove", "@example.net")
    with village.smtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        c.smtp_ask(b"RCPT TO:<who.ever@example.net>", b"550 5.1.1")
        # RFC 5321 section 4.5.1, though nobody lives there.
        c.smtp_ask(b"RCPT TO:<postmaster@example.net>", b"250")


def test_refusals_say_why(village):
    run = village.run
    assert "does not send mail on" in err(
        run("alias", "add", f"x@{DOMAIN}", "me@gmail.example", code=1))
    assert "yubin domain add" in err(
        run("alias", "add", "x@nowhere.example", "ann", code=1))
    run("alias", "add", f"one@{DOMAIN}", "ann")
    run("alias", "add", f"two@{DOMAIN}", "one")
    assert "for ever" in err(run("alias", "add", "one", "two", code=1))
    assert f"two@{DOMAIN}" in err(run("alias", "remove", "one", code=1))
    done = run("account", "remove", "ann", "--yes", code=1)
    assert f"one@{DOMAIN}" in err(done)
    assert count(village, "ann") >= 0  # it still is there
    assert "account" in err(run("alias", "add", "ann", "ben", code=1))
    assert "alias" in err(run("account", "add", f"one@{DOMAIN}", code=1))
    done = run("domain", "remove", DOMAIN, code=1)
    assert "3 accounts" in err(done) and "remove them first" in err(done)
    assert "already" in err(run("domain", "add", DOMAIN.upper(), code=1))
    assert "domain list" in err(
        run("domain", "remove", "nowhere.example", code=1))
    run("alias", "add", "one", code=2)
    run("alias", "remove", "nobody", code=1)
    run("alias", "remove", "two")
    run("alias", "remove", "one")


def test_international_domains(village):
    run = village.run
    run("domain", "add", "Bücher.example")
    row = [d for d in listed(village, "domain")
           if d["domain"] == "xn--bcher-kva.example"][0]
    assert row["shown"] == "bücher.example" and row["accounts"] == 0
    assert b"b\xc3\xbccher.example" in run("domain", "list").stdout
    run("alias", "add", "info@bücher.example", "ben")
    before = count(village, "ben")
    village.deliver("info@XN--Bcher-KVA.example", BODY)
    assert count(village, "ben") == before + 1
    run("alias", "remove", "INFO@BÜCHER.EXAMPLE")
    run("domain", "remove", "xn--bcher-kva.example")


def test_too_many_mailboxes_come_in_parts(new_office):
    """452 4.5.3 past STORE_PLACES_MAX; what was accepted is delivered."""
    office = new_office(start=False)
    names = [f"u{i:02}" for i in range(12)]
    for name in names:
        office.add_account(name)
    office.set("default_domain", DOMAIN)
    office.start()
    office.run("alias", "add", "all", *names)
    with office.smtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        accepted = 0
        while True:
            c.say(b"RCPT TO:<all+%d@example.org>\r\n" % accepted)
            reply = c.reply()[-1]
            if not reply.startswith(b"250"):
                break
            accepted += 1
        assert reply.startswith(b"452 4.5.3")
        assert accepted >= 100
        c.smtp_ask(b"DATA", b"354")
        c.say(BODY + b".\r\n")
        c.reply(b"250")
    assert [count(office, n) for n in names] == [1] * 12


def test_delimiter_of_the_configuration(new_office):
    office = new_office(start=False)
    user = office.add_account("dee")
    office.set("recipient_delimiter", '"-"')
    assert 'recipient_delimiter: "-"' in office.run(
        "check", "--show").stdout.decode()
    office.start()
    office.deliver(f"dee-list@{DOMAIN}", BODY)
    with office.smtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        c.smtp_ask(b"RCPT TO:<dee+list@example.org>", b"550")
    assert len(office.collect(user)) == 1


def test_without_a_server(new_office):
    office = new_office(start=False)
    user = office.add_account("eve")
    office.run("domain", "add", "example.com", "--alias-of", DOMAIN)
    office.run("alias", "add", f"info@{DOMAIN}", "eve@example.com")
    office.start()
    office.deliver("info@example.com", BODY)
    assert len(office.collect(user)) == 1
