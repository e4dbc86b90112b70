"""Postfix and Exim hand over mail by LMTP and by `yubin deliver`. What cannot
be taken now they keep, and it comes once afterwards."""
import contextlib
import os
import subprocess
import time

import pytest

import mailgen
from mail_systems import Exim, Postfix, why_not
from post_office import PATIENCE, SANITIZED, Line, PostOffice

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    # What they ask of the server is the same in both builds.
    pytest.mark.skipif(SANITIZED, reason="once is enough for Postfix"),
]

WAYS = [(system, way) for system in (Postfix, Exim)
        for way in ("lmtp-inet", "lmtp-unix", "deliver")]
# Text that goes through either system as it is: no 8-bit headers, no lines
# beyond 998 octets.
MAIL = [m for m in mailgen.messages(60, seed=9)
        if b"\0" not in m and m.partition(b"\r\n\r\n")[0].isascii() and
        m.startswith((b"From:", b"Received:")) and
        max(map(len, m.split(b"\r\n"))) <= 990][:8]
DISK = 160 * 1024 * 1024


@pytest.fixture(scope="module", params=WAYS,
                ids=[f"{s.__name__}-{w}" for s, w in WAYS])
def system(request):
    """A server whose store has a disk of its own, and a system before it."""
    kind, way = request.param
    office = PostOffice()
    store = os.path.join(office.dir, "store")
    before = os.stat(store)
    subprocess.run(["mount", "-t", "tmpfs", "-o",
                    f"size={DISK},mode={before.st_mode & 0o777:o},"
                    f"uid={before.st_uid},gid={before.st_gid}", "yubin-test",
                    store], check=True)
    made = None
    try:
        office.start()
        made = kind(office, PATIENCE, way)
        yield made
    finally:
        if made:
            made.stop()
        try:
            office.stop()
            office.check_log()
        finally:
            office.end_all()
            subprocess.run(["umount", store], check=True)
            office.close()


def body_of(message):
    return message.partition(b"\r\n\r\n")[2]


def wait_queued(system, n):
    end = time.monotonic() + PATIENCE
    while system.queued() != n:
        assert time.monotonic() < end, (system.queued(), system.log()[-3000:])
        time.sleep(0.1)


def kept(system, user, subject):
    """Sends a message that cannot be taken now."""
    mark = len(system.log())
    system.send(user, b"Subject: %s\r\n\r\nkept\r\n" % subject)
    system.wait_log(system.KEPT, mark)
    assert system.queued() == 1


def arrives_once(system, user):
    system.flush()
    wait_queued(system, 0)
    [message] = system.office.collect(user)
    assert body_of(message) == b"kept\r\n"
    system.flush()
    assert len(system.office.collect(user)) == 1


def test_arrives_as_it_was(system):
    user = system.office.add_account()
    for message in MAIL:
        system.send(user, message)
    wait_queued(system, 0)
    got = system.office.collect(user)
    assert sorted(map(body_of, got)) == sorted(map(body_of, MAIL))
    with system.office.pop3(user) as c:
        for n in range(len(got)):
            assert c.retr(n + 1).startswith(
                b"Return-Path: <sender@example.net>\r\n")


def test_unknown_account(system):
    mark = len(system.log())
    # No sender, so that no bounce waits for being sent.
    system.send("not-here@example.org", b"Subject: x\r\n\r\nx\r\n", "")
    system.wait_log(system.BOUNCED, mark)


def test_server_stopped(system):
    user = system.office.add_account()
    system.office.stop()
    kept(system, user, b"stopped")
    system.office.start()
    arrives_once(system, user)


def test_configuration_broken(system):
    office = system.office
    user = office.add_account()
    office.stop()
    office.replace("store: store", "stor: store")
    try:
        office.run("serve", code=10)
        kept(system, user, b"broken")
    finally:
        office.replace("stor: store", "store: store")
        office.start()
    arrives_once(system, user)


def test_disk_full(system):
    office = system.office
    other, user = office.add_account(), office.add_account()
    office.deliver(other, MAIL[0])
    filler = os.path.join(office.dir, "store", "filler")
    with open(filler, "wb") as f:
        with contextlib.suppress(OSError):
            while True:
                os.write(f.fileno(), bytes(4096))
    try:
        kept(system, user, b"full")
        assert office.collect(other) == [MAIL[0]]  # reading goes on
    finally:
        os.unlink(filler)
    arrives_once(system, user)


def test_verified_at_rcpt(system):
    """Postfix refuses unknown recipients in its own session, by asking."""
    if not isinstance(system, Postfix) or system.transport == "deliver":
        pytest.skip("asked over LMTP by Postfix")
    user = system.office.add_account()
    with Line(("127.0.0.1", system.asking_port)) as c:
        c.reply(b"220")
        c.say(b"EHLO client.example.net\r\n")
        c.reply(b"250")
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        # 450 while the first question is under way
        end = time.monotonic() + PATIENCE
        while True:
            c.say(b"RCPT TO:<not-here@example.org>\r\n")
            answer = c.reply()[-1]
            if not answer.startswith(b"450"):
                break
            assert time.monotonic() < end, answer
            time.sleep(0.2)
        assert answer.startswith(b"550 5.1.1 "), answer
        while not c.smtp_ask(b"RCPT TO:<%s>" % user.encode(), b""). \
                startswith(b"250"):
            assert time.monotonic() < end
            time.sleep(0.2)
