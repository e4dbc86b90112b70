"""Lists of accounts: what is taken, what is told, and how fast."""
import base64
import hashlib
import hmac
import json
import time

from post_office import DOMAIN

GOOD = "correct horse 4711 battery"


def err(done):
    return done.stderr.decode()


def lists(office, data, *options, code=0):
    return office.run("account", "import", *options, "-",
                      data="".join(line + "\n" for line in data).encode(),
                      code=code)


def addresses(office):
    return [row["address"] for row in json.loads(
        office.run("account", "list", "--json").stdout)]


def logs_in(office, user, password):
    with office.pop3(tls=True) as c:
        c.ask(b"USER " + user.encode(), b"+OK")
        c.say(b"PASS " + password.encode() + b"\r\n")
        return c.line().startswith(b"+OK")


def scram(password, salt=b"0123456789abcdef", iterations=4096):
    """As Dovecot keeps it."""
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    parts = (salt, hashlib.sha256(client).digest(),
             hmac.digest(salted, b"Server Key", "sha256"))
    return f"{iterations}," + ",".join(
        base64.b64encode(p).decode() for p in parts)


def test_lines_of_all_kinds(office):
    done = lists(office, [
        "# a comment", "",
        f"i1@{DOMAIN},{GOOD}",
        f"\"i2@{DOMAIN}\",\"with \"\"quotes\"\", and commas\"\r",
        f"i3@{DOMAIN}:{{PLAIN}}{GOOD}:1000:1000::/home/i3::",
        f"i4@{DOMAIN}:{{SCRAM-SHA-256}}" +
        scram(GOOD.encode()) + ":::::",
        f"i5@{DOMAIN}"])
    made = done.stdout.decode().split()
    assert len(made) == 1 and made[0].startswith(f"i5@{DOMAIN},")
    assert "5 accounts made" in err(done)
    for user, password in (("i1", GOOD), ("i2", "with \"quotes\", and commas"),
                           ("i3", GOOD), ("i4", GOOD),
                           ("i5", made[0].split(",")[1])):
        assert logs_in(office, f"{user}@{DOMAIN}", password), user
    assert not logs_in(office, f"i4@{DOMAIN}", "wrong")


def test_all_or_nothing(office):
    office.run("alias", "add", f"sales@{DOMAIN}", f"i1@{DOMAIN}")
    before = addresses(office)
    wrong = [f"n1@{DOMAIN},{GOOD}", "no address,x", f"i1@{DOMAIN},{GOOD}",
             f"n2@{DOMAIN},weak", f"n3@{DOMAIN}:{{MD5}}abc:",
             f"N1@{DOMAIN},{GOOD}", f"sales@{DOMAIN},{GOOD}",
             f"n4@{DOMAIN}:{{CRYPT}}$1$abc$def:", f"n5@{DOMAIN},\"x"]
    done = lists(office, wrong, code=1)
    for line in (2, 3, 4, 5, 6, 7, 8, 9):
        assert f"-:{line}: " in err(done), err(done)
    assert "-:1: " not in err(done) and "nothing was made" in err(done)
    assert GOOD not in err(done)
    assert addresses(office) == before
    lists(office, wrong, "--dry-run", code=1)
    lists(office, [f"n1@{DOMAIN},{GOOD}"], "--dry-run")
    assert addresses(office) == before
    done = lists(office, wrong, "--continue", code=3)
    assert "1 account made" in err(done)
    assert addresses(office) == sorted(before + [f"n1@{DOMAIN}"])
    done = lists(office, [f"n1@{DOMAIN},{GOOD}", f"n2@{DOMAIN},{GOOD}"],
                 "--skip-existing")
    assert "1 account made, 1 left" in err(done)
    rows = json.loads(lists(office, wrong[:2], "--dry-run", "--json",
                            code=1).stdout)
    assert sorted(row["line"] for row in rows) == [1, 2]


def test_byte_order_mark(office):
    """It is no part of the first address, which doubles show."""
    done = lists(office, [f"\ufeffbom@{DOMAIN},{GOOD}",
                          f"bom@{DOMAIN},{GOOD}"], "--dry-run", code=1)
    assert "-:2: " in err(done) and "further up" in err(done)
    lists(office, [f"\ufeffbom@{DOMAIN},{GOOD}"])
    assert logs_in(office, f"bom@{DOMAIN}", GOOD)


def test_many_at_once(office):
    """Verifiers need no hash: thousands a second."""
    verifier = scram(GOOD.encode())
    data = [f"m{i:05}@many.example:{{SCRAM-SHA-256}}{verifier}:"
            for i in range(5000)]
    begun = time.monotonic()
    lists(office, data)
    assert time.monotonic() - begun < 20
    assert logs_in(office, "m04999@many.example", GOOD)
    rows = json.loads(office.run("domain", "list", "--json").stdout)
    assert {"many.example": 5000}.items() <= {
        row["domain"]: row["accounts"] for row in rows}.items()
