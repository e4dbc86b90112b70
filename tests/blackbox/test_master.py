"""An administrator logs in as somebody else, by SASL's authzid."""
import base64

import pytest

from post_office import PASSWORD
from scram import Scram, login

DENIED = b"-ERR [AUTH] wrong name or password"
MAIL = b"Subject: alice's\r\n\r\nbody\r\n"


@pytest.fixture(scope="module")
def master(office):
    user = office.add_account("root", "of all of them")
    office.run("account", "set", user, "master=yes")
    return user


def plain(c, authzid, user, password):
    c.say(b"AUTH PLAIN " + base64.b64encode(
        f"{authzid}\0{user}\0{password}".encode()) + b"\r\n")
    return c.line()


def scram(c, authzid, user, password):
    return login(c, Scram(user, password, b"n,a=" + authzid.encode() + b",")
                 )[0]


@pytest.mark.parametrize("how", [plain, scram])
def test_master(office, user, master, how):
    office.deliver(user, MAIL)
    mark = len(office.log())
    for _ in range(2):  # the second time it is remembered
        with office.pop3(tls=True) as c:
            assert how(c, user, master, "of all of them").startswith(b"+OK")
            assert b"alice's" in c.retr(1)
    m = office.wait_log(rf"event=master_login address=\S+ master={master} "
                        rf"user={user} mechanism=\S+ session=(\S+)", mark)
    office.wait_log(rf"event=session[^\n]*session={m[1]}\b[^\n]*"
                    rf"account={user}", mark)
    with office.pop3(tls=True) as c:
        assert how(c, master, master, "of all of them").startswith(b"+OK")
        assert c.stat()[0] == 0


@pytest.mark.parametrize("how", [plain, scram])
def test_who_is_none(office, user, master, how):
    other = office.add_account()
    for authzid, name, word in (
            (other, user, PASSWORD),  # no master
            (master, user, PASSWORD),
            (user, master, PASSWORD),  # the other's password
            (user, master, "wrong"),
            ("nobody@example.org", master, "of all of them"),
            ("../x", master, "of all of them")):
        with office.pop3(tls=True) as c:
            assert how(c, authzid, name, word) == DENIED


def test_it_ends(office, user):
    admin = office.add_account("second", PASSWORD)
    with office.pop3() as c:
        assert plain(c, user, admin, PASSWORD) == DENIED
    office.run("account", "set", admin, "master=yes")
    with office.pop3() as c:
        assert plain(c, user, admin, PASSWORD).startswith(b"+OK")
    office.run("account", "set", admin, "master=no")
    with office.pop3() as c:
        assert plain(c, user, admin, PASSWORD) == DENIED
