"""kill -9 in the middle of work: what was acknowledged is there."""
import collections
import contextlib
import os
import random
import re
import signal
import threading
import time

import pytest

from many_hands import Maildrop, one_session, send_some
from post_office import PATIENCE, SANITIZED, Closed, Failure, to_wire

SECONDS = 6


class Sender(threading.Thread):
    """Delivers numbered messages, and remembers which were acknowledged."""

    def __init__(self, office, users, name, make):
        super().__init__(daemon=True)
        self.office = office
        self.users = users
        self.label = name
        self.make = make
        self.sent = {u: [] for u in users}  # begun
        self.kept = {u: [] for u in users}  # acknowledged
        self.failures = 0
        self.over = threading.Event()
        self.wrong = None

    def body(self, n):
        return (f"Subject: {self.label} {n}\r\n\r\n".encode() +
                b"line\r\n" * random.randrange(400))

    def one(self, c, n):
        user = random.choice(self.users)
        body = self.body(n)
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
        c.smtp_ask(b"DATA", b"354")
        self.sent[user].append(body)
        c.say(to_wire(body))
        answer = c.reply()[-1]
        if answer.startswith(b"250"):
            self.kept[user].append(body)
        elif not answer.startswith(b"4"):
            self.wrong = answer

    def run(self):
        n = 0
        while not self.over.is_set():
            try:
                with self.make() as c:
                    while not self.over.is_set():
                        n += 1
                        self.one(c, n)
            except (OSError, Closed, Failure):
                self.failures += 1
                time.sleep(0.02)


def check_mail(office, senders):
    """All that was acknowledged is there, once, and nothing unknown is."""
    for user in senders[0].users:
        got = office.collect(user)
        assert len(set(got)) == len(got)
        begun = {b for s in senders for b in s.sent[user]}
        kept = {b for s in senders for b in s.kept[user]}
        assert kept <= set(got), f"{len(kept - set(got))} lost"
        assert set(got) <= begun


def pid_of(office, role):
    with contextlib.suppress(Exception):
        pids = office.pids(role)
        return random.choice(pids) if pids else None
    return None


@pytest.fixture
def crashing(new_office):
    office = new_office()
    office.expects_deaths = True
    return office


@pytest.mark.parametrize("role", ["worker", "store", "auth"])
def test_kill_under_load(crashing, role):
    office = crashing
    users = [office.add_account() for _ in range(3)]
    senders = [Sender(office, users, f"s{i}", make) for i, make in
               enumerate((office.smtp, office.lmtp, office.lmtp))]
    for s in senders:
        s.start()
    end = time.monotonic() + SECONDS
    kills = 0
    while time.monotonic() < end:
        time.sleep(random.uniform(0.3, 0.8))
        pid = pid_of(office, role)
        if pid:
            office.kill(pid)
            kills += 1
    office.wait_all_ready()
    before = [sum(map(len, s.kept.values())) for s in senders]
    time.sleep(0.5)  # service is back without a hand
    for s in senders:
        s.over.set()
    for s in senders:
        s.join(45)
        assert not s.is_alive()
        assert s.wrong is None, s.wrong
    assert kills >= 3
    after = [sum(map(len, s.kept.values())) for s in senders]
    assert sum(after) > sum(before) > 10
    check_mail(office, senders)
    # The same mail is there after a whole new start.
    office.restart()
    check_mail(office, senders)


def test_kill_the_supervisor(crashing):
    office = crashing
    users = [office.add_account() for _ in range(2)]
    everyone = Sender(office, users, "x", office.lmtp)
    everyone.start()
    for _ in range(4):
        time.sleep(random.uniform(0.2, 0.5))
        family = office.family()
        assert len(family) >= 4
        os.kill(office.proc.pid, signal.SIGKILL)
        office.proc.wait(10)
        end = time.monotonic() + 10
        while office.family() and time.monotonic() < end:
            time.sleep(0.02)
        # When the supervisor dies all end, and a new start works.
        assert office.family() == []
        office.start()
    time.sleep(0.3)
    everyone.over.set()
    everyone.join(45)
    assert everyone.failures >= 4
    check_mail(office, [everyone])


def test_kill_all_at_once(crashing):
    office = crashing
    users = [office.add_account() for _ in range(2)]
    everyone = Sender(office, users, "x", office.smtp)
    everyone.start()
    for _ in range(4):
        time.sleep(random.uniform(0.2, 0.5))
        for pid in office.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        office.proc.wait(10)
        office.start()
    time.sleep(0.3)
    everyone.over.set()
    everyone.join(45)
    check_mail(office, [everyone])


def test_deletes_are_all_or_none(crashing):
    # I3: one record, synced before QUIT's +OK.
    office = crashing
    user = office.add_account()
    # The keeper of the mail dies at about the time of the QUIT.
    for turn in range(8):
        bodies = [b"Subject: %d %d\r\n\r\n" % (turn, i) for i in range(30)]
        with office.lmtp() as c:
            for body in bodies:
                c.send_mail([user], body)
        c = office.pop3(user)
        count = c.stat()[0]
        c.say(b"".join(b"DELE %d\r\n" % n for n in range(1, count + 1)))
        for _ in range(count):
            c.expect(b"+OK")
        pid = pid_of(office, "store")
        killer = threading.Timer(random.uniform(0, 0.01), office.kill,
                                 (pid,))
        killer.start()
        answer = b""
        with contextlib.suppress(OSError, Closed):
            c.say(b"QUIT\r\n")
            answer = c.line()
        c.close()
        killer.join()
        office.wait_all_ready()
        with office.pop3(user) as c:
            left = c.stat()[0]
            assert left in (0, count)
            if answer.startswith(b"+OK"):
                assert left == 0
            if left:
                c.say(b"".join(b"DELE %d\r\n" % n
                               for n in range(1, left + 1)))
                for _ in range(left):
                    c.expect(b"+OK")
                c.ask(b"QUIT")


def test_session_without_its_store(crashing):
    # I7: what needs the snapshot that is gone says so; the rest goes on.
    office = crashing
    user = office.add_account()
    office.deliver(user, b"Subject: x\r\n\r\nbody\r\n")
    reader, deleter, late = (office.pop3(user) for _ in range(3))
    whole = reader.retr(1)
    deleter.ask(b"DELE 1")
    office.kill(pid_of(office, "store"))
    office.wait_all_ready()
    assert reader.retr(1) == whole  # it has the log in its hand
    late.ask(b"RETR 1", b"-ERR [SYS/TEMP]")
    late.ask(b"STAT")
    assert deleter.ask(b"QUIT", b"-ERR [SYS/TEMP]")
    reader.ask(b"QUIT")
    late.ask(b"QUIT")
    with office.pop3(user) as c:
        assert c.stat()[0] == 1


@contextlib.contextmanager
def stopped(pids):
    """While they stand still, only the others accept."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(0.05)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_one_worker_dies_the_others_live(new_office):
    office = new_office(start=False)
    office.set("workers", 3)
    office.expects_deaths = True
    office.start()
    user = office.add_account()
    office.deliver(user, b"Subject: x\r\n\r\n")
    first, *others = office.pids("worker")
    with stopped([first]):
        safe = [office.pop3(user) for _ in range(15)]
    with stopped(others):
        doomed = [office.pop3(user) for _ in range(15)]
    office.kill(first)
    for c in safe:
        c.stat()
        c.retr(1)
    for c in doomed:
        with pytest.raises((OSError, Closed)):
            c.stat()
    office.wait_all_ready()
    for c in safe:
        c.ask(b"QUIT")
    with office.pop3(user) as c:
        assert c.stat()[0] == 1


def deleted_files(pid):
    """Files that have no name any more, and are kept by a process."""
    links = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            links.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return [link for link in links
            if link.endswith(" (deleted)") and "/store/" in link]


def test_a_dead_worker_holds_no_space(new_office):
    """Threat 24: snapshots end with the channel of their worker."""
    if os.geteuid() != 0:
        pytest.skip("only root may look at descriptors of other processes")
    office = new_office(start=False)
    office.set("workers", 1)
    office.set("undelete_days", 0)
    office.expects_deaths = True
    office.start()
    user = office.add_account()
    for n in range(3):
        office.deliver(user, b"Subject: %d\r\n\r\n" % n + b"x" * 9000)
    [store] = office.pids("store")
    with office.pop3(user) as c:
        c.retr(1)
        office.run("mail", "delete", user, "--all", "--yes")
        office.run("compact", user)
        # Its session goes on, with the log that was.
        assert c.retr(3)
        assert deleted_files(store)
        office.kill(office.pids("worker")[0])
    end = time.monotonic() + PATIENCE
    while deleted_files(store):
        assert time.monotonic() < end
        time.sleep(0.05)
    office.wait_all_ready()
    assert office.pids("store") == [store]


def test_index_lost_or_wrong(new_office):
    # I5: the index may be lost, stale, torn, swapped or wrong.
    office = new_office()
    users = [office.add_account() for _ in range(2)]
    want = {}
    for u in users:
        want[u] = [f"Subject: {u} {i}\r\n\r\n".encode() for i in range(20)]
        for body in want[u]:
            office.deliver(u, body)
    with office.pop3(users[0]) as c:
        ids = c.uidl()
    for turn in range(5):
        office.stop()
        found = [os.path.join(top, "index") for top, _, names in
                 os.walk(os.path.join(office.dir, "store"))
                 if "index" in names]
        assert len(found) == 2
        damage(turn, found)
        since = len(office.log())
        office.start()
        for u in users:
            assert office.collect(u) == want[u]
        if turn < 4:  # threat 56: and it is told
            office.wait_log("level=warn .*event=store .*the index is torn",
                            since)
        with office.pop3(users[0]) as c:
            assert c.uidl() == ids


def damage(turn, found):
    with open(found[0], "r+b") as a, open(found[1], "r+b") as b:
        one, two = a.read(), b.read()
        if turn == 0:
            swapped = two, one
        elif turn == 1:
            swapped = one[:len(one) // 2 + 3], b""
        elif turn == 2:
            flipped = bytearray(one)
            flipped[len(one) // 2] ^= 1
            swapped = bytes(flipped), two + b"more"
        elif turn == 3:
            swapped = b"\0" * len(one), random.Random(1).randbytes(len(two))
        else:
            swapped = None
        if swapped:
            for f, text in zip((a, b), swapped):
                f.seek(0)
                f.truncate()
                f.write(text)
    if turn == 4:
        os.unlink(found[0])
        os.unlink(found[1])


def test_torn_tail(new_office):
    # I6: above what is known as durable it is cut, copied aside, reported.
    office = new_office()
    user = office.add_account()
    want = [b"Subject: %d\r\n\r\n" % i for i in range(5)]
    for body in want:
        office.deliver(user, body)
    office.stop()
    for top, _, names in os.walk(os.path.join(office.dir, "store")):
        if "log" in names:
            with open(os.path.join(top, "log"), "ab") as f:
                f.write(random.Random(2).randbytes(300))
    office.start()
    assert office.collect(user) == want
    office.deliver(user, b"Subject: new\r\n\r\n")
    assert office.collect(user) == want + [b"Subject: new\r\n\r\n"]


# ---- SIGTERM ----

@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_sessions_get_a_last_line(new_office, how):
    office = new_office()
    user = office.add_account()
    office.deliver(user, b"Subject: x\r\n\r\n")
    pop = [office.pop3(), office.pop3(user), office.pop3(user, tls=True)]
    pop[1].ask(b"DELE 1")
    mail = [office.smtp(), office.lmtp()]
    for c in mail:
        c.smtp_ask(b"MAIL FROM:<a@b.c>")
    start = time.monotonic()
    assert office.stop(how) == 0
    assert time.monotonic() - start < 12
    for c in pop:
        assert c.rest().startswith(b"-ERR [SYS/TEMP] ")
    for c in mail:
        assert c.rest().startswith(b"421 4.")
    office.start()
    assert len(office.collect(user)) == 1  # nothing deleted


def test_stop_under_load_loses_nothing(new_office):
    office = new_office()
    users = [office.add_account() for _ in range(2)]
    senders = [Sender(office, users, f"s{i}", office.lmtp)
               for i in range(3)]
    for s in senders:
        s.start()
    for _ in range(3):
        time.sleep(0.5)
        assert office.stop() == 0
        office.start()
    time.sleep(0.3)
    for s in senders:
        s.over.set()
    for s in senders:
        s.join(45)
        assert s.wrong is None
    check_mail(office, senders)


def deliver_to_all(office, users, bodies):
    with office.lmtp() as c:
        for body in bodies:
            c.smtp_ask(b"MAIL FROM:<a@example.net>")
            for user in users:
                c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
            c.smtp_ask(b"DATA", b"354")
            c.say(to_wire(body))
            for _ in users:
                assert c.reply()[-1].startswith(b"250")


def in_use(journal):
    """Whether the first batch has an entry (docs/store-format.md)."""
    with contextlib.suppress(FileNotFoundError):
        with open(journal, "rb") as f:
            f.seek(4096)
            return f.read(4) == b"YJNE"
    return False


def test_power_cut_behind_the_journal(crashing):
    # I2: what was acknowledged is on the disk: in the journal, where many
    # mailboxes shared a sync, although no log was synced.
    office = crashing
    users = office.add_accounts(8)
    mail = [f"Subject: {i}\r\n\r\n{'line ' * i}\r\n".encode()
            for i in range(80)]
    journal = os.path.join(office.dir, "store", "journal")
    n = 0
    while not in_use(journal):
        deliver_to_all(office, users, mail[n % len(mail):][:1])
        n += 1
        assert n < 2000, "no journal: has the disk less than 1 GiB to spare?"
    sent = [mail[i % len(mail)] for i in range(n)] + mail
    logs = {os.path.join(top, "log"): os.path.getsize(os.path.join(top, "log"))
            for top, _, names in os.walk(os.path.join(office.dir, "store"))
            if "log" in names}
    assert len(logs) == 8
    deliver_to_all(office, users, mail)
    for pid in [office.proc.pid] + office.family():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    office.proc.wait(10)
    # What no sync of a log has covered is gone from it.
    for log, size in logs.items():
        assert os.path.getsize(log) > size
        os.truncate(log, size)
    office.start()
    assert not os.path.exists(journal)
    for user in users:
        assert office.collect(user) == sent
    # A clean stop leaves none behind.
    deliver_to_all(office, users, mail * 2)
    office.stop()
    assert not os.path.exists(journal)
    office.start()
    assert len(office.collect(users[0])) == len(sent) + 2 * len(mail)


# ---- anything, at any time ----

KILL_SECONDS = int(os.environ.get("YUBIN_KILL_SECONDS",
                                  "10" if SANITIZED else "20"))


class Hands:
    """Threads that deliver and collect until told to stop. A death cuts
    them off; only a wrong answer is a failure."""

    def __init__(self, office, drops):
        self.office = office
        self.drops = drops
        self.over = threading.Event()
        self.wrong = []
        numbers = collections.deque(range(10000000))
        works = [lambda rng: send_some(office, drops, rng,
                                       time.monotonic() + 1, numbers),
                 lambda rng: one_session(office, rng.choice(drops), rng)]
        self.threads = [
            threading.Thread(target=self.work, daemon=True,
                             args=(w, random.Random(i)))
            for i, w in enumerate([works[0]] * 3 + [works[1]] * 3)]
        for t in self.threads:
            t.start()

    def work(self, one, rng):
        while not self.over.is_set():
            try:
                one(rng)
            except Failure as e:
                # "got [SYS/TEMP]", or SMTP's "got 4xx", are for later.
                if not re.search(r"SYS/TEMP|got \[?b'4\d\d[ -]", str(e)):
                    self.wrong.append(repr(e)[:2000])
                    return
                time.sleep(0.02)
            except AssertionError as e:
                self.wrong.append(repr(e)[:2000])
                return
            except (OSError, Closed):
                time.sleep(0.02)

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join(60)
            assert not t.is_alive()
        assert not self.wrong, self.wrong


@pytest.mark.slow
def test_kill_anything(crashing):
    """
    kill -9 of a random process every second, also of the one that starts
    the others. YUBIN_KILL_SECONDS sets for how long.
    """
    office = crashing
    drops = [Maildrop(office.add_account()) for _ in range(3)]
    hands = Hands(office, drops)
    end = time.monotonic() + KILL_SECONDS
    kills = 0
    while time.monotonic() < end and not hands.wrong:
        time.sleep(1)
        pid = random.choice(office.family())
        office.kill(pid)
        kills += 1
        if pid == office.proc.pid:
            office.proc.wait(10)
            while office.family():
                time.sleep(0.01)
            office.start()
    office.wait_all_ready()
    hands.stop()
    assert kills >= min(KILL_SECONDS, 10) // 2
    assert all(d.accepted and d.gone for d in drops)
    for d in drops:
        one_session(office, d, random.Random(1), wants_all=True)
    office.restart()
    for d in drops:
        one_session(office, d, random.Random(1), wants_all=True)


def serves(office, user):
    with contextlib.suppress(OSError, Closed, Failure):
        with office.pop3(user) as c:
            return c.stat()[0] == 1
    return False


@pytest.mark.parametrize("role", ["worker", "auth", "store"])
def test_back_in_service(crashing, role):
    """What dies is there again at once: the best of some deaths counts,
    since a busy machine may take its time with any of them."""
    office = crashing
    user = office.add_account()
    office.deliver(user, b"Subject: one\r\n\r\n")
    best = 60.0
    for _ in range(2):  # one that dies often is started less eagerly
        assert serves(office, user)
        for pid in office.pids(role):
            office.kill(pid)
        began = time.monotonic()
        while not serves(office, user):
            assert time.monotonic() - began < 40
        best = min(best, time.monotonic() - began)
        office.wait_all_ready()
    assert best < (2 if SANITIZED else 0.1), best
