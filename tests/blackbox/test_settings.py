"""Settings of accounts and domains: what is set, and what counts."""
import json

import pytest

from post_office import DOMAIN, PASSWORD

BODY = b"Subject: x\r\n\r\nbody\r\n"


def err(done):
    return done.stderr.decode()


def may_log_in(office, user):
    with office.pop3() as c:
        c.ask(b"USER " + user.encode(), b"+OK")
        c.say(b"PASS " + PASSWORD.encode() + b"\r\n")
        answer = c.line()
        if answer.startswith(b"-ERR"):
            assert b"[AUTH]" in answer
        return answer.startswith(b"+OK")


def settings(office, user):
    return json.loads(office.run("account", "show", user,
                                 "--json").stdout)["settings"]


def test_locked_accounts_take_mail(office, user):
    """A known password is refused as well, and nothing of it is said."""
    assert may_log_in(office, user)
    office.run("account", "set", user, "login=no")
    assert not may_log_in(office, user)
    office.deliver(user, BODY)
    assert settings(office, user) == {"login": "no"}
    assert "login=no" in office.run("account", "show", user).stdout.decode()
    office.run("account", "set", user, "login=")
    assert may_log_in(office, user)
    # A session that is open ends.
    with office.pop3(user) as c:
        office.run("account", "set", user, "login=no")
        c.rest()
    office.run("account", "set", user, "login=")
    assert settings(office, user) == {}
    assert len(office.collect(user)) == 1


def test_account_before_domain_before_configuration(new_office):
    office = new_office(start=False)
    office.set("default_domain", DOMAIN)
    with open(office.config, "a", encoding="utf-8") as f:
        f.write("\ndefaults:\n  login: no\n")
    assert "login: no" in office.run("check", "--show").stdout.decode()
    office.start()
    one, two = office.add_account("one"), office.add_account("two")
    assert not may_log_in(office, one)
    office.run("domain", "set", DOMAIN, "login=yes", "quota_octets=1G")
    assert may_log_in(office, one) and may_log_in(office, two)
    office.run("account", "set", "one", "login=no", "quota_messages=10")
    assert not may_log_in(office, one)
    assert may_log_in(office, two)
    office.run("account", "set", "one", "login=yes")
    office.run("domain", "set", DOMAIN, "login=no")
    assert may_log_in(office, one)
    assert not may_log_in(office, two)
    row = json.loads(office.run("domain", "list", "--json").stdout)[0]
    assert row["settings"] == {"login": "no", "quota_octets": "1G"}
    assert b"quota_octets=1G" in office.run("domain", "list").stdout
    assert office.run("account", "set", "one").stdout.decode() == (
        "one: login=yes, quota_messages=10\n")
    office.restart()
    assert may_log_in(office, one)
    assert not may_log_in(office, two)
    # The configuration's come in force with a reload.
    office.run("domain", "set", DOMAIN, "login=")
    assert not may_log_in(office, two)
    office.replace("  login: no", "  login: yes")
    office.run("reload")
    assert may_log_in(office, two)


@pytest.mark.parametrize("text, said", [
    ("login=maybe", "login takes yes or no"),
    ("quota_octets=many", "500K"),
    ("quota_octets", "not NAME=VALUE"),
    ("quota=5", "quota_octets"),
    ("=5", "there is no setting"),
])
def test_refusals_change_nothing(office, user, text, said):
    done = office.run("account", "set", user, "quota_messages=5", text,
                      code=1)
    assert said in err(done)
    assert settings(office, user) == {}


def test_unknown_owners(office):
    assert "no account" in err(office.run(
        "account", "set", f"nobody@{DOMAIN}", "login=no", code=1))
    assert "domain list" in err(office.run(
        "domain", "set", "nowhere.example", "login=no", code=1))


def test_help_names_every_setting(office):
    text = office.run("account", "set", "--help", config=False).stdout
    for name in (b"login (yes)", b"require_app_password (no)",
                 b"quota_octets (0)", b"quota_messages (0)"):
        assert name in text


def test_masters_are_named_one_by_one(new_office):
    """A word in the wrong place makes no masters of a whole domain."""
    office = new_office(start=False)
    user = office.add_account()
    office.run("account", "set", user, "master=yes")
    done = office.run("domain", "set", DOMAIN, "master=yes", code=1)
    assert "one account at a time" in err(done)
    with open(office.config, "a", encoding="utf-8") as f:
        f.write("defaults: {master: yes}\n")
    assert "master" in err(office.run("check", code=10))
