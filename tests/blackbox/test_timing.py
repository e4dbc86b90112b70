"""How long a refusal takes tells nobody which names exist (threat 8).

Times of refused logins are taken by turns, at names that exist and at names
that do not, each from an address of its own. The chance that one of the first
kind took longer than one of the second (the AUC of the best threshold) is a
half if time tells nothing. With YUBIN_TIMING=2000 so many of each are taken,
and 0.48 to 0.52 wanted; that needs a quiet machine and some minutes a way.
Else few are taken, and only what anybody would see fails.
"""
import base64
import os
import random
import time

import pytest

from post_office import SANITIZED, Line, PostOffice

pytestmark = pytest.mark.skipif(SANITIZED, reason="it has times of its own")

SAMPLES = int(os.environ.get("YUBIN_TIMING", "12"))
# Four standard errors of an AUC of so few, and what is wanted of many.
MARGIN = 0.02 if SAMPLES >= 2000 else 4 * (1 / (6 * SAMPLES)) ** 0.5
# Below what slows guessing at one account down (auth/throttle.h).
GUESSES = 10


def b64(text):
    return base64.b64encode(text)


def user_pass(c, name, word):
    c.ask(b"USER " + name)
    return lambda: c.say(b"PASS " + word + b"\r\n")


def plain(c, name, word):
    return lambda: c.say(b"AUTH PLAIN " + b64(b"\0" + name + b"\0" + word) +
                         b"\r\n")


def login(c, name, word):
    c.ask(b"AUTH LOGIN", b"+")
    c.ask(b64(name), b"+")
    return lambda: c.say(b64(word) + b"\r\n")


def scram_first(c, name, word):
    """The first message of two: it brings the salt, or a made-up one."""
    first = b"n,,n=" + name + b",r=" + b64(word)
    return lambda: c.say(b"AUTH SCRAM-SHA-256 " + b64(first) + b"\r\n")


def scram_proof(c, name, word):
    scram_first(c, name, word)()
    answer = base64.b64decode(c.line()[2:])
    nonce = answer.split(b",")[0]
    final = b"c=biws," + nonce + b",p=" + b64(os.urandom(32))
    return lambda: c.say(b64(final) + b"\r\n")


def apop(c, name, word):
    return lambda: c.say(b"APOP " + name + b" " + os.urandom(16).hex().encode()
                         + b"\r\n")


def cram_md5(c, name, word):
    c.ask(b"AUTH CRAM-MD5", b"+ ")
    return lambda: c.say(b64(name + b" " + os.urandom(16).hex().encode()) +
                         b"\r\n")


OLD = [apop, cram_md5]
WAYS = [user_pass, plain, login, scram_first, scram_proof, *OLD]


@pytest.fixture(scope="module")
def office():
    """It has a listener for old programs, too, beside the usual ones."""
    post = PostOffice()
    usual = f'address: ["127.0.0.1:{post.pop3_port}"], tls: starttls'
    post.replace(f"pop3: {{{usual}}}", f"pop3:\n    - {{{usual}}}\n    - " +
                 f"{{{usual}, legacy: [apop, cram-md5]}}".replace(
                     str(post.pop3_port), str(old_port(post))))
    try:
        yield post.start()
    finally:
        post.close()


def old_port(office):
    return office.base + 111  # the harness takes even ones beside it


@pytest.fixture
def names(office, way):
    """As many names that exist as are needed, and that do not."""
    n = -(-SAMPLES // GUESSES)
    word = way.__name__.replace("_", "")
    real, none = ([f"{word}{kind}{i:05}@example.org" for i in range(n)]
                  for kind in ("a", "b"))
    office.run("account", "import", "--allow-weak", "-", timeout=600,
               data="".join(f"{name},secret\n" for name in real).encode())
    for name in real if way in OLD else ():
        office.run("account", "legacy", "allow", name,
                   way.__name__.replace("_", "-"))
    return real, none


_numbers = iter(range(random.randrange(1000), 1 << 30))


def source():
    """Of a network of its own: those of one network pay for each other."""
    n = next(_numbers)
    return f"127.{100 + n // 250 % 150}.{n % 250}.{1 + n // 37500 % 250}"


def take(office, way, name):
    """Milliseconds that the last step took."""
    port = old_port(office) if way in OLD else office.pop3_port
    with Line(("127.0.0.1", port), source=source()) as c:
        c.expect(b"+OK")
        say = way(c, name.encode(), os.urandom(9).hex().encode())
        begun = time.perf_counter()
        say()
        c.line()
        return (time.perf_counter() - begun) * 1000


def auc(ones, others):
    """How often one of `ones` is the larger; ties are halves."""
    both = sorted([(t, 1) for t in ones] + [(t, 0) for t in others])
    ranks, i = 0.0, 0
    while i < len(both):
        j = i
        while j < len(both) and both[j][0] == both[i][0]:
            j += 1
        ranks += sum(kind for _, kind in both[i:j]) * (i + j + 1) / 2
        i = j
    n = len(ones)
    return (ranks - n * (n + 1) / 2) / (n * len(others))


def test_auc():
    assert auc([3, 4], [1, 2]) == 1
    assert auc([1, 2], [3, 4]) == 0
    assert auc([1, 2], [1, 2]) == 0.5
    assert auc([2], [1, 3]) == 0.5


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_time_tells_nothing(office, names, way):
    real, none = names
    times = [[], []]
    turns = [kind for kind in (0, 1) for _ in range(SAMPLES)]
    random.shuffle(turns)
    for kind in turns:
        group = (none, real)[kind]
        times[kind].append(take(office, way, group[len(times[kind]) %
                                                   len(group)]))
    found = auc(times[1], times[0])
    middle = [sorted(t)[len(t) // 2] for t in times]
    print(f"{way.__name__}: AUC {found:.4f}, medians {middle[1]:.3f} ms of "
          f"names that exist, {middle[0]:.3f} ms of others")
    assert abs(found - 0.5) <= MARGIN, (found, middle)
    if way in (scram_first, scram_proof, *OLD):  # for a tick (server/paced.h)
        assert min(times[0] + times[1]) > 1
