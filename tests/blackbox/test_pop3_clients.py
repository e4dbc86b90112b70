"""Each program that collects mail, over each way in, does the same five
things: a first fetch, a second that finds nothing new, a fetch of the one
message that came since, leaving all on the server, and deleting all.

YUBIN_CLIENTS=all also takes the large maildrops with every program over every
way, which takes a quarter of an hour.
"""
import os

import pytest

import mailgen
from mail_programs import PROGRAMS, ThunderbirdProgram, local
from post_office import PASSWORD, PATIENCE, SANITIZED

# Mail programs and NUL: each has its own idea of what to do with it.
MAIL = [m for m in mailgen.messages(40, seed=5) if b"\0" not in m]
SHORT = MAIL[:4]
LATER = next(iter(mailgen.messages(1, seed=6)))
MANY = 1000
LARGE = 50 * 1024 * 1024
ALL = os.environ.get("YUBIN_CLIENTS") == "all"

ROWS = [(name, way, None) for name, program in PROGRAMS.items()
        for way in program.ways] + [
    ("mpop", way, (pipelining, auth))
    for way, auths in (("plain", ("user", "plain", "login")),
                       ("stls", ("plain",)), ("tls", ("user",)))
    for auth in auths for pipelining in ("on", "off", "auto")
] + [
    ("mpop", "plain", ("auto", "scram-sha-256")),
    ("mpop", "tls", ("auto", "scram-sha-256")),
    ("fetchmail", "plain", "fetchlimit 7"),
]


def row_id(row):
    name, way, variant = row
    if variant is None:
        return f"{name}-{way}"
    words = variant.replace(" ", "-") if isinstance(variant, str) \
        else "-".join(variant)
    return f"{name}-{way}-{words}"


@pytest.fixture(scope="module", autouse=True)
def end_thunderbird():
    yield
    ThunderbirdProgram.end()


@pytest.fixture
def program(office, tmp_path):
    # Where the user that a program runs as gets to.
    folder = os.path.join(office.folder, tmp_path.name)
    os.makedirs(folder, exist_ok=True)
    office.patience = PATIENCE
    made = []

    def make(row, user):
        name, way, variant = row
        if name == "Thunderbird" and SANITIZED:
            pytest.skip("once is enough for a program this large")
        made.append(PROGRAMS[name](office, user, PASSWORD, folder, way,
                                   variant))
        return made[-1]

    yield make
    for p in made:
        p.close()


def drop(office, user):
    """What the maildrop holds, as programs write it."""
    with office.pop3(user) as c:
        return [local(c.retr(n + 1)) for n in range(c.stat()[0])]


def same(got, want):
    """Compares without printing megabytes."""
    got, want = sorted(got), sorted(want)
    assert len(got) == len(want)
    for a, b in zip(got, want):
        if a != b:
            at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y),
                      min(len(a), len(b)))
            raise AssertionError(
                f"{len(a)} octets, not {len(b)}; at {at}: "
                f"{a[max(at - 80, 0):at + 80]!r}, not "
                f"{b[max(at - 80, 0):at + 80]!r}")


def fetch_all(p, row, keep=True):
    """fetchlimit brings what it is told to, so it is called until all came."""
    found = p.fetch(keep)
    if "fetchlimit" in str(row[2]):
        more = found
        while more:
            more = p.fetch(keep)
            found += more
    return found


@pytest.mark.parametrize("row", ROWS, ids=map(row_id, ROWS))
def test_table(office, user, program, row):
    line_max = PROGRAMS[row[0]].line_max
    with office.lmtp() as c:
        for body in MAIL:
            if not line_max or max(map(len, body.split(b"\n"))) < line_max:
                c.send_mail([user], body)
    here = drop(office, user)
    p = program(row, user)
    same(fetch_all(p, row), here)
    assert p.fetch() == []
    assert drop(office, user) == here  # left on the server
    office.deliver(user, LATER)
    same(p.fetch(), drop(office, user)[-1:])
    fetch_all(p, row, keep=False)
    assert drop(office, user) == []
    assert p.fetch(keep=False) == []


# ---- of one program alone ----

def test_fetchmail_fetches_all_again(office, user, program):
    for body in SHORT:
        office.deliver(user, body)
    here = drop(office, user)
    p = program(("fetchmail", "tls", "fetchall"), user)
    same(p.fetch(), here)
    same(p.fetch(), here)
    same(p.fetch(keep=False), here)
    assert drop(office, user) == []


@pytest.mark.parametrize("words,counts", [(None, "retr=0 top=4"),
                                          ("fetchall", "retr=4 top=0")])
def test_fetchmail_asks_by_top(office, user, program, words, counts):
    """RETR only where it says so; else TOP n 99999999, which the server may
    not mark as seen."""
    for body in SHORT:
        office.deliver(user, body)
    mark = len(office.log())
    same(program(("fetchmail", "stls", words), user).fetch(),
         drop(office, user))
    office.wait_log(rf"account={user} .* {counts} ", mark)


def test_getmail_waits_for_its_children(office, user, program):
    """Also where they have ended before it looks at them."""
    office.deliver(user, LATER)
    same(program(("getmail6", "plain", "0.3"), user).fetch(),
         drop(office, user))


def test_thunderbird_deletes_what_a_person_deletes(office, user, program):
    for body in SHORT:
        office.deliver(user, body)
    p = program(("Thunderbird", "stls", None), user)
    p.fetch()
    p.running.delete_all(p.key)
    assert len(drop(office, user)) == len(SHORT)
    p.fetch()
    assert drop(office, user) == []


def test_thunderbird_dialogue(office, user, program):
    """What it says, by its own log: CAPA, STLS and CAPA, AUTH without an
    initial response, STAT, LIST and UIDL."""
    office.deliver(user, LATER)
    p = program(("Thunderbird", "stls", None), user)
    p.fetch()
    lines = [line.split('"')[1] for line in p.running.log().split("\n")
             if f"pop3.{p.key}." in line and '"C: ' in line]
    assert lines == ["C: CAPA", "C: STLS", "C: CAPA", "C: AUTH PLAIN",
                     lines[4], "C: STAT", "C: LIST", "C: UIDL", "C: RETR 1",
                     "C: QUIT"]


# ---- large maildrops ----

# Those that need most of a minute by themselves.
SLOW = {"many": ("fetchmail", "getmail6"),
        "large": ("Net::POP3", "Mail::POP3Client", "Thunderbird")}
LARGE_ROWS = [(what, (name, way, None)) for what in ("many", "large")
              for name, program in PROGRAMS.items() for way in program.ways
              if ALL or (way == "tls" and name not in SLOW[what])]


@pytest.fixture(scope="module")
def many(office):
    """An account with a thousand messages."""
    user = office.add_account("many")
    with office.lmtp() as c:
        for n in range(MANY):
            c.send_mail([user], b"Subject: %d\r\n\r\nnumber %d\r\n" % (n, n))
    return user


@pytest.fixture(scope="module")
def large(office):
    """An account with a message of 50 MB."""
    user = office.add_account("large")
    line = bytes(range(33, 107)) + b"\r\n"
    office.deliver(user, b"Subject: large\r\n\r\n" + line * (LARGE // 76))
    return user


@pytest.fixture(scope="module")
def drops(office, many, large):
    return {user: drop(office, user) for user in (many, large)}


@pytest.mark.skipif(SANITIZED, reason="the time goes into the programs")
@pytest.mark.parametrize("what,row", LARGE_ROWS, ids=[
    f"{what}-{row_id(row)}" for what, row in LARGE_ROWS])
def test_large(office, request, program, row, what, drops):
    user = request.getfixturevalue(what)
    p = program(row, user)
    p.quietly()
    same(p.fetch(), drops[user])
    assert p.fetch() == []
