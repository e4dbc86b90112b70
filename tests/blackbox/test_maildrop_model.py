"""A state machine that delivers, collects, deletes, kills and restarts, and
a model of what a maildrop must be.

The model is a list of messages in the order of their acknowledgement. It
knows RFC 1939 and the invariants of the store, and nothing of the program:

  * a message that was answered with 250 is in every later session, octet for
    octet, until a QUIT with its DELE was answered +OK;
  * a session sees what was there when it began, whatever happens meanwhile;
  * a UIDL names one message for ever;
  * the deletes of a session that did not end by QUIT happen to nobody.

YUBIN_MODEL_EXAMPLES sets how many runs are tried.
"""
import contextlib
import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (Bundle, RuleBasedStateMachine, consumes,
                                 initialize, invariant, multiple, rule,
                                 run_state_machine_as_test)

from post_office import (SANITIZED, Closed, Failure, PostOffice,
                         strip_trace, to_wire)

LONG = "YUBIN_MODEL_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("YUBIN_MODEL_EXAMPLES",
                              "8" if SANITIZED else "25"))
STEPS = 120
USERS = 3
# Awkward lines at every place: dots, nothing, no line end, long ones.
LINES = st.sampled_from([b"", b".", b"..", b". ", b"text", b"x" * 990,
                         b"From here", b"\xff\xfe", b"+OK", b"Subject: no"])
BODIES = st.lists(LINES, max_size=6)


class Message:
    def __init__(self, body):
        self.body = body
        self.uidl = None  # once a session has shown it


class Session:
    """What one POP3 session may see, by the model."""

    def __init__(self, client, user, rows):
        self.client = client
        self.user = user
        self.rows = list(rows)
        self.marked = set()
        self.has_lost_its_snapshot = False

    def left(self):
        return [i for i in range(len(self.rows)) if i not in self.marked]


class Post(RuleBasedStateMachine):
    office = None  # set by the test
    sessions = Bundle("sessions")

    def __init__(self):
        super().__init__()
        self.users = [self.office.add_account() for _ in range(USERS)]
        self.drop = {u: [] for u in self.users}  # what is there
        self.uidls = {}                          # UIDL: message, for ever
        self.open = []
        self.serial = 0

    def teardown(self):
        for s in self.open:
            s.client.close()
        self.office.check_log()

    @initialize(bodies=st.lists(BODIES, min_size=3, max_size=8))
    def fill(self, bodies):
        for body in bodies:
            self.send(self.make(body), self.users, True)

    # -- mail in --

    def make(self, lines):
        self.serial += 1
        return Message(b"\r\n".join([b"Subject: %d" % self.serial, b"",
                                     *lines, b""]))

    @rule(body=BODIES, to=st.lists(st.integers(0, USERS - 1), min_size=1,
                                   max_size=USERS, unique=True),
          lmtp=st.booleans())
    def deliver(self, body, to, lmtp):
        self.send(self.make(body), [self.users[i] for i in to], lmtp)

    def send(self, m, who, lmtp):
        with self.office.lmtp() if lmtp else self.office.smtp() as c:
            c.send_mail(who, m.body, lmtp=lmtp)
        for u in who:
            self.drop[u].append(Message(m.body))

    @rule(body=BODIES, to=st.integers(0, USERS - 1))
    def hang_up_before_the_dot(self, body, to):
        with self.office.lmtp() as c:
            c.smtp_ask(b"MAIL FROM:<>")
            c.smtp_ask(b"RCPT TO:<" + self.users[to].encode() + b">")
            c.smtp_ask(b"DATA", b"354")
            c.say(to_wire(self.make(body).body)[:-3])

    # -- sessions --

    @rule(target=sessions, who=st.integers(0, USERS - 1), tls=st.booleans())
    def begin(self, who, tls):
        user = self.users[who]
        if len(self.open) >= 6:
            return multiple()
        s = Session(self.office.pop3(user, tls=tls), user, self.drop[user])
        self.open.append(s)
        uidls = s.client.uidl()
        assert len(uidls) == len(s.rows)
        for uidl, m in zip(uidls, s.rows):
            assert m.uidl in (None, uidl), "a UIDL changed"
            assert self.uidls.setdefault(uidl, m) is m, "a UIDL came twice"
            m.uidl = uidl
        return s

    @rule(s=sessions)
    def look(self, s):
        if s not in self.open:
            return
        n, octets = s.client.stat()
        left = s.left()
        assert n == len(left)
        assert s.client.uidl() == [s.rows[i].uidl for i in left]
        s.client.ask(b"LIST")
        sizes = [line.split(b" ") for line in
                 s.client.multi().split(b"\r\n")[:-1]]
        assert [int(a) - 1 for a, _ in sizes] == left
        assert sum(int(b) for _, b in sizes) == octets

    @rule(s=sessions, pick=st.integers(0, 1000))
    def fetch(self, s, pick):
        if s not in self.open or not s.left():
            return
        i = s.left()[pick % len(s.left())]
        if s.has_lost_its_snapshot:
            # The worker may still hold the log; if not, it says so.
            s.client.say(b"RETR %d\r\n" % (i + 1))
            if s.client.expect(b"").startswith(b"-ERR [SYS/TEMP]"):
                return
            assert strip_trace(s.client.multi()) == s.rows[i].body
            return
        assert strip_trace(s.client.retr(i + 1)) == s.rows[i].body

    @rule(s=sessions, pick=st.integers(0, 1000))
    def mark(self, s, pick):
        if s not in self.open or not s.left():
            return
        i = s.left()[pick % len(s.left())]
        s.client.ask(b"DELE %d" % (i + 1))
        s.client.ask(b"RETR %d" % (i + 1), b"-ERR")
        s.marked.add(i)

    @rule(s=sessions)
    def unmark(self, s):
        if s in self.open:
            s.client.ask(b"RSET")
            s.marked.clear()

    @rule(s=consumes(sessions))
    def quit(self, s):
        if s not in self.open:
            return
        self.open.remove(s)
        refused = s.has_lost_its_snapshot and s.marked
        s.client.ask(b"QUIT", b"-ERR [SYS/TEMP]" if refused else b"+OK")
        s.client.close()
        if not refused:
            gone = {id(s.rows[i]) for i in s.marked}
            self.drop[s.user] = [m for m in self.drop[s.user]
                                 if id(m) not in gone]

    @rule(s=consumes(sessions))
    def hang_up(self, s):
        if s in self.open:
            self.open.remove(s)
            s.client.close()

    # -- commands, beside the running server --

    @rule(who=st.integers(0, USERS - 1),
          what=st.sampled_from(["compact", "fsck"]))
    def look_after(self, who, what):
        """Nobody notices; nothing is found."""
        self.office.run(what, self.users[who])

    @rule(who=st.integers(0, USERS - 1), pick=st.integers(0, 1000))
    def delete_and_bring_back(self, who, pick):
        """What a command deleted comes back last, under its UIDL."""
        user = self.users[who]
        known = [m for m in self.drop[user] if m.uidl]
        if not known:
            return
        m = known[pick % len(known)]
        uidl = m.uidl.decode()
        self.office.run("mail", "delete", user, uidl, "--yes")
        self.drop[user].remove(m)
        with self.office.pop3(user) as c:
            assert m.uidl not in c.uidl()
        if pick % 2 == 0:
            self.office.run("mail", "undelete", user, uidl)
            # A session that had marked it meant the one of before.
            again = Message(m.body)
            again.uidl = m.uidl
            self.uidls[m.uidl] = again
            self.drop[user].append(again)

    # -- the server --

    def forget_sessions(self):
        for s in self.open:
            s.client.close()
        self.open.clear()

    def kill(self, role):
        for pid in self.office.pids(role):
            self.office.kill(pid)
        self.office.wait_all_ready()

    @rule(what=st.sampled_from(["nothing"] * 12 + [
        "restart", "cut off", "store", "workers", "no index"]))
    def disturb(self, what):
        if what == "store":
            # Its snapshots are gone: the sessions say so, and end in order.
            self.kill("store")
            for s in self.open:
                s.has_lost_its_snapshot = True
        elif what == "workers":
            self.forget_sessions()
            self.kill("worker")
        elif what != "nothing":
            self.forget_sessions()
            if what == "cut off":
                self.office.end_all()
            else:
                self.office.stop()
            if what == "no index":
                self.lose_the_indexes()
            self.office.start()

    def lose_the_indexes(self):
        """They are derived: nobody can tell that they were gone."""
        for top, _, files in os.walk(os.path.join(self.office.dir, "store")):
            for name in files:
                if name == "index":
                    os.unlink(os.path.join(top, name))

    @invariant()
    def is_up(self):
        assert self.office.is_running()


@pytest.mark.slow
def test_a_maildrop_is_what_the_model_says():
    office = PostOffice()
    office.expects_deaths = True
    try:
        Post.office = office.start()
        run_state_machine_as_test(Post, settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None,
            suppress_health_check=list(HealthCheck), print_blob=True,
            database=None, report_multiple_bugs=False,
            # Finding a shorter run takes minutes: for those who look for it.
            phases=[Phase.generate] + [Phase.shrink] * LONG))
    finally:
        with contextlib.suppress(Failure, Closed):
            office.close()
