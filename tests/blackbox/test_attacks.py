"""Threats 61 and 62: code of an attacker in our processes (tests/attack).

Each attempt fails and is logged, whoever made it comes back, and the others
go on: the session of somebody in another worker, and new logins.
"""
import json
import os
import re
import shutil
import socket
import struct
import time

import pytest

from post_office import (BINARY, NOBODY, PASSWORD, PATIENCE, ROOT, SANITIZED,
                         Closed, Failure, PostOffice)

ATTACKER = os.path.join(os.path.dirname(BINARY), "tests", "yubin_attack")
BODY = b"Subject: somebody's mail\r\n\r\nnobody else's\r\n"
# Answers to questions with ids from here on are told to the attacker.
ATTACK_ID = 1 << 63
# So that each dies seldom enough to be started again at once.
WORKERS = 6
# Who dies often is started again after a pause: usually each run tries a part,
# another one a user and a build. YUBIN_ATTACKS=all tries all.
ALL = os.environ.get("YUBIN_ATTACKS") == "all"
# How a process dies that broke the rules of its channel to the supervisor: by
# its signal, or a moment earlier by itself, since the channel is over.
ENDED = ".*(signal=9|status=1)"

pytestmark = pytest.mark.skipif(not os.access(ATTACKER, os.X_OK),
                                reason=f"{ATTACKER} was not built")


def part_of(tries, server, parts=4):
    at = (2 if SANITIZED else 0) + (1 if server.user else 0)
    return tries if ALL else tries[at % parts::parts]


def message_types():
    with open(os.path.join(ROOT, "src/server/message.h"),
              encoding="utf-8") as f:
        names = re.findall(r"^\tX\((\w+)\)", f.read(), re.M)
    return {name: n for n, name in enumerate(names, 1)}


TYPES = message_types()


def message(name, body=b"", fds=0, ident=ATTACK_ID, size=None):
    """A packet of one message, as hex."""
    body += bytes(-len(body) % 8)
    return struct.pack("=IHHQ", 16 + len(body) if size is None else size,
                       TYPES.get(name, name), fds, ident).hex() + body.hex()


def octets(s):
    return struct.pack("=I", len(s)) + s


def whom(as_whom):
    """Root's processes have users of their own; without, all have one."""
    server = PostOffice(as_whom)
    shutil.copy(ATTACKER, server.folder)
    server.binary = os.path.join(server.folder, "yubin_attack")
    server.set("workers", WORKERS)
    # Many connections of one address, and wrong passwords among them.
    server.set("connections_per_address_max", 1000)
    server.expects_deaths = True
    return server


@pytest.fixture(scope="module", params=[None, NOBODY] if os.geteuid() == 0
                else [None], ids=["root", "nobody"] if os.geteuid() == 0
                else ["user"])
def scene(request):
    server = whom(request.param)
    try:
        made = Scene(server.start())
        yield made
        made.victim.close()  # else it has five seconds for a last word
        server.stop()
    finally:
        server.end_all()
        shutil.rmtree(server.folder, ignore_errors=True)


class Scene:
    """A server, somebody in one of its workers, and who attacks others."""

    def __init__(self, server):
        self.office = server
        self.user = server.add_account()
        server.deliver(self.user, BODY)
        self.victim = server.pop3()
        self.victim_worker = self.ask(self.victim, "who")[1]
        self.victim.ask(b"USER " + self.user.encode())
        self.victim.ask(b"PASS " + PASSWORD.encode())
        self.keepers = [server.pids(r) for r in ("auth", "store")]
        self.supervisor = server.proc.pid

    def again(self):
        """Another victim: this one's worker or store may have ended. Workers
        that accused somebody are ended too, a little later."""
        end = time.monotonic() + PATIENCE
        while True:
            self.victim.close()
            try:
                self.office.wait_all_ready()
                before = self.office.status()["processes"]
                time.sleep(1.5)
                if [p["pid"] for p in before] != [
                        p["pid"] for p in self.office.status()["processes"]]:
                    continue
                self.__init__(self.office)
                self.others_go_on()
                return
            except (OSError, Closed, Failure):
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    @staticmethod
    def ask(client, text):
        client.say(b"ATTACK " + text.encode() + b"\r\n")
        return client.line().decode().split()

    def attacker(self):
        """A connection in another worker than the victim's; its number."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            client = self.office.pop3()
            _, worker, _, fd = self.ask(client, "who")
            if worker != self.victim_worker:
                return client, worker, fd
            client.close()
        raise AssertionError("all connections come to one worker")

    def others_go_on(self):
        """The victim's session; a delivery, and a new login."""
        self.victim.ask(b"NOOP")
        assert self.victim.retr(1).endswith(BODY)
        other = self.office.add_account()
        self.office.deliver(other, BODY)
        assert self.office.collect(other) == [BODY]
        assert self.office.proc.pid == self.supervisor
        assert self.office.is_running()

    def ends(self, client, text):
        """Attacks in a way that ends the process; what was said meanwhile."""
        since = len(self.office.log())
        client.say(b"ATTACK " + text.encode() + b"\r\n")
        said = client.rest().decode()
        client.close()
        return since, said


@pytest.fixture
def usually(scene):
    """Without users of their own the others have the same cages: what that
    adds is seen in a worker and the store."""
    if scene.office.user and not ALL:
        pytest.skip("YUBIN_ATTACKS=all runs it")


@pytest.fixture
def server(scene):
    """(Its log is full of what others must not say.)"""
    return scene.office


@pytest.fixture(autouse=True)
def others_go_on(request):
    if "scene" in request.fixturenames:
        scene = request.getfixturevalue("scene")
        yield
        scene.others_go_on()
    else:
        yield


def calls(server):
    """What an attacker would try: the call's name, an argument, and its name
    in the log if that is another."""
    key = os.path.join(server.dir, "tls/server.key")
    other = server.pids("auth")[0]
    return [
        ("open", key, "openat"), ("open", "/etc/passwd", "openat"),
        ("open", f"/proc/{other}/mem", "openat"), ("open_old", key, "open"),
        ("create", "/tmp/x", "openat"), ("link", key, "linkat"),
        ("symlink", "/tmp/x", ""), ("unlink", key, ""),
        ("socket", "", ""), ("socketpair", "", ""), ("connect", "FD", ""),
        ("bind", "FD", ""), ("listen", "FD", ""), ("execve", "/bin/sh", ""),
        ("execveat", "FD", ""), ("fork", "", ""), ("clone", "", ""),
        ("ptrace", other, ""), ("process_vm_readv", other, ""),
        ("pidfd_open", other, ""), ("kill", other, ""),
        ("tgkill", other, ""), ("fcntl", other, ""), ("ioctl", other, ""),
        ("mmap", "", ""), ("mprotect", "", ""), ("chroot", "/", ""),
        ("unshare", "", ""), ("mount", "/tmp", ""), ("setuid", "", ""),
        ("prctl", "", ""), ("prlimit64", "", ""), ("bpf", "", ""),
        ("io_uring_setup", "", ""), ("seccomp", "", ""),
    ]


# What the supervisor's own filter, which all inherit, kills for at once: then
# nobody hears which call it was.
AT_ONCE = {"ptrace", "process_vm_readv", "unshare", "mount", "bpf",
           "io_uring_setup"}


def wait_breach(server, since, role, number, call):
    who = f"role={role} number={number} pid=\\d+ "
    if call not in AT_ONCE:
        server.wait_log(f"event=breach {who}call={call} ", since)
    server.wait_log(f"event=exit {who}signal=" + (
        "31 .*forbidden system call" if call in AT_ONCE else "9"), since)


def is_of_sanitizer(name):
    # Their own runtime may call it.
    return SANITIZED and name == "prctl"


def test_calls_of_a_worker(scene, server):
    for name, arg, logged in part_of(calls(server), server):
        if is_of_sanitizer(name):
            continue
        client, worker, fd = scene.attacker()
        since, said = scene.ends(client, f"{name} {arg}".replace("FD", fd))
        assert said == "", (name, said)
        wait_breach(server, since, "worker", worker, logged or name)
    server.wait_all_ready()
    assert [server.pids(r) for r in ("auth", "store")] == scene.keepers


def attack_auth(server, text):
    with server.pop3() as c:
        c.ask(b"USER attack " + text.encode())
        c.say(b"PASS x\r\n")
        c.line()


def attack_store(server, text):
    user = server.add_account()
    with server.lmtp() as c:
        c.smtp_ask(b"MAIL FROM:<>")
        c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
        c.smtp_ask(b"DATA", b"354")
        c.say(b"Attack: " + text.encode() + b"\r\n\r\n.\r\n")
        c.reply(b"")


def attack_metrics(server, text):
    with socket.create_connection(("127.0.0.1", server.metrics_port)) as s:
        s.settimeout(PATIENCE)
        s.sendall(b"GET /attack/" + text.encode() + b"\r\n\r\n")
        try:
            s.recv(1000)
        except ConnectionResetError:
            pass


ATTACKS = {"auth": attack_auth, "store": attack_store,
           "metrics": attack_metrics}
# What they may do with files of their own fails for those of others.
REFUSED = {"open", "open_old", "create", "link", "unlink"}


@pytest.mark.parametrize("role", ["auth", "store", "metrics"])
def test_calls_of_others(scene, server, role):
    if role != "store" and server.user and not ALL:
        pytest.skip("YUBIN_ATTACKS=all runs it")
    tries = [t for t in calls(server) if t[0] in (
        "open", "create", "socket", "connect", "execve", "fork", "clone",
        "ptrace", "kill", "tgkill", "fcntl", "mmap", "chroot", "unlink")]
    if role == "store":
        # The directory of accounts, which is not its own.
        tries.append(("open", os.path.join(server.dir, "auth/directory.db"),
                      "openat"))
    if role == "auth":
        tries.append(("open", os.path.join(server.dir, "store/lock"),
                      "openat"))
    for name, arg, logged in part_of(tries, server, 4):
        since = len(server.log())
        arg = str(arg).replace("FD", "3")
        ATTACKS[role](server, f"{name} {arg}")
        server.wait_log(f"event=attack role={role} call={name} msg=begins",
                        since)
        if name in REFUSED and role != "metrics":
            got = server.wait_log(f"event=attack role={role} call={name} "
                                  r"returned=(\S+)", since).group(1)
            assert got in ("-13", "-2", "-18", "-1"), (name, arg, got)
            continue
        wait_breach(server, since, role, 0, logged or name)
        server.wait_all_ready()
        if role == "store":  # its sessions have ended with it
            scene.again()
    scene.keepers = [server.pids(r) for r in ("auth", "store")]


# ---- in lookup, which runs programs and connects ----

# It answers an account's question with the rule of that name: what it says is
# what an attacker's answer would be.
PROGRAM = r'''#!/usr/bin/python3
import json, os, sys
for line in sys.stdin:
    q = json.loads(line)
    with open(os.path.dirname(sys.argv[0]) + "/attack.json") as f:
        rule = json.load(f) if q["account"].startswith("attack") else {}
    print(json.dumps({"id": q["id"], "verdict": "allow", **rule}), flush=True)
'''


class Outside:
    """A server whose lookup does what attack() says."""

    def __init__(self, office):
        self.office = office
        office.set("workers", 1)
        folder = os.path.join(office.folder, "site")
        os.makedirs(folder)
        program = os.path.join(folder, "policy")
        with open(program, "w", encoding="ascii") as f:
            f.write(PROGRAM)
        os.chmod(program, 0o755)
        self.rule = os.path.join(folder, "attack.json")
        with open(office.config, "a", encoding="ascii") as f:
            f.write(f"policy: {{command: {program}, timeout: 2000}}\n")
        office.start()
        self.user = office.add_account()
        office.add_account("attack")
        self.keepers = [office.pids(r) for r in ("auth", "store")]

    def attack(self, text, **rule):
        """What the login that it came with was answered; and since when."""
        with open(self.rule + ".new", "w", encoding="ascii") as f:
            json.dump({"attack": text, **rule}, f)
        os.rename(self.rule + ".new", self.rule)
        self.others_go_on()  # there is a lookup
        since = len(self.office.log())
        with self.office.pop3() as c:
            c.ask(b"USER attack@example.org")
            c.say(b"PASS " + PASSWORD.encode() + b"\r\n")
            self.office.wait_log("event=attack role=lookup call=\\w+ "
                                 "msg=begins", since)
            return c.line(), since

    def returned(self, text):
        _, since = self.attack(text)
        return int(self.office.wait_log(
            "event=attack role=lookup call=\\w+ returned=(\\S+)",
            since).group(1))

    def others_go_on(self):
        end = time.monotonic() + PATIENCE
        while True:
            with self.office.pop3() as c:
                c.ask(b"USER " + self.user.encode())
                c.say(b"PASS " + PASSWORD.encode() + b"\r\n")
                answer = c.line()
            if answer.startswith(b"+OK"):
                return
            # Nobody knows while lookup is not there: never "wrong password".
            assert answer.startswith(b"-ERR [SYS/TEMP]"), answer
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.fixture(scope="module", params=[None, NOBODY] if os.geteuid() == 0
                else [None], ids=["root", "nobody"] if os.geteuid() == 0
                else ["user"])
def outside(request):
    server = whom(request.param)
    try:
        made = Outside(server)
        yield made
        assert made.keepers == [server.pids(r) for r in ("auth", "store")]
        server.stop()
    finally:
        server.end_all()
        shutil.rmtree(server.folder, ignore_errors=True)


def test_calls_of_lookup(outside):
    """What it may not reach, it does not: files of ours, other processes,
    other users' rights."""
    office = outside.office
    other = office.pids("auth")[0]
    refused = [f"open {os.path.join(office.dir, name)}" for name in (
        "auth/directory.db", "tls/server.key", "store/lock", "yubin.yaml",
        "auth", "store")]
    refused += [f"open /proc/{other}/mem", f"open /proc/{other}/environ",
                "open /etc/shadow", "create /tmp/yubin-attack",
                "create /etc/yubin-attack", "symlink /tmp/yubin-attack",
                f"link {office.dir}/tls/server.key",
                f"unlink {office.dir}/tls/server.key",
                f"kill {other}", f"tgkill {other}", f"pidfd_signal {other}",
                f"pidfd_getfd {other}", f"kill {office.proc.pid}",
                f"pidfd_getfd {office.proc.pid}", "setuid", "chroot /"]
    if not office.user and os.geteuid() == 0:
        # Without a user of its own it may what its user may.
        refused.append(f"connect_unix {office.dir}/run/control")
    for text in part_of(refused, office, 2):
        assert outside.returned(text) in (-1, -13, -18), text
    assert not os.path.exists("/tmp/yubin-attack")
    for text in part_of(["ptrace", "process_vm_readv", "bpf", "unshare",
                         "mount", "io_uring_setup", "serve"], office):
        # (Its filter kills at once, so that no log can name the call.)
        answer, since = outside.attack(f"{text} {other}")
        assert answer.startswith(b"-ERR [SYS/TEMP]"), (text, answer)
        office.wait_log(r"event=exit role=lookup .*signal=31 .*forbidden",
                        since)
    outside.others_go_on()


@pytest.fixture
def outside_usually(outside):
    if outside.office.user and not ALL:
        pytest.skip("YUBIN_ATTACKS=all runs it")


def test_lies_of_lookup(outside, outside_usually):
    """It answers what it was asked, once, and in the form of that question;
    who sent anything else is ended, and what waits has no answer."""
    office = outside.office
    done, ok = TYPES["LOOKUP_DONE"], struct.pack("=I", 0)
    verdict = ok + b"\1" + struct.pack("=II", 0, 0)
    account = ok + b"\1" + bytes(4 + 4 + 16 + 64) + octets(b"")
    for kind, body, fds in part_of([
            (done, b"", ""), (done, verdict[:8], ""),
            (done, verdict + bytes(8), ""), (done, verdict, "m"),
            (done, struct.pack("=I", 9999), ""),
            (done, ok + b"\1" + struct.pack("=II", 0, 1 << 31), ""),
            # An answer to another kind of question: somebody's password is
            # right, an account, whose a token is.
            (done, ok + b"\1", ""), (done, account, ""),
            (done, ok + b"\0" + octets(outside.user.encode()) + bytes(8), ""),
            # What only others may say.
            (TYPES["LOOKUP"], bytes(8), ""), (TYPES["LOGIN"], bytes(64), ""),
            (TYPES["GRANT"], bytes(64), ""), (TYPES["CONFIG"], b"", "m"),
            (TYPES["STOP"], b"", "")], office, 5):
        answer, since = outside.attack(
            f"lie {kind} 0 1 {body.hex() or '-'} {fds}")
        assert answer.startswith(b"-ERR [SYS/TEMP]"), (kind, body, answer)
        office.wait_log("lookup-0 broke the rules of its channel", since)
        office.wait_log(f"event=exit role=lookup {ENDED}", since)
    _, since = outside.attack("spray " + "ff" * 64)
    office.wait_log(f"event=exit role=lookup {ENDED}", since)
    outside.others_go_on()


def test_answers_to_nobody(outside, outside_usually):
    """Questions that were never asked have no answer, however many come; and
    a denied login stays one whatever else is said."""
    pids = outside.office.pids("lookup")
    verdict = struct.pack("=IB", 0, 1) + struct.pack("=II", 0, 3600)
    answer, _ = outside.attack(
        f"lie {TYPES['LOOKUP_DONE']} {1 << 32} 5000 {verdict.hex()}")
    assert answer.startswith(b"+OK")
    answer, _ = outside.attack(
        f"lie {TYPES['LOOKUP_DONE']} 1 5000 {verdict.hex()}", verdict="deny")
    assert answer.startswith(b"-ERR [AUTH]")
    outside.others_go_on()
    assert outside.office.pids("lookup") == pids


# ---- lies to the others ----

# To whom; a packet; descriptors.
LIES = [
    # Neither head nor length add up.
    ("{}", "00", ""),
    ("{}", message("LOGIN", size=8), ""),
    ("{}", message("LOGIN", size=1 << 20), ""),
    ("{}", message("LOGIN", size=17), ""),
    ("{}", message(0), ""),
    ("{}", message(9999), ""),
    ("{}", "ff" * 4000, ""),
    # Descriptors that nobody announced, and announced ones that are not there.
    ("{}", message("LOGIN"), "mmmm"),
    ("{}", message("LOGIN", fds=3), ""),
    ("{}", message("LOGIN"), "k" * 253),
    # What only others may say.
    ("{}", message("PEER", struct.pack("=IIQ", 0, 0, 1), 1), "k"),
    ("{}", message("CONTROL", b"", 1), "k"),
    ("{}", message("CONFIG", b"", 1), "m"),
    ("{}", message("STOP"), ""),
    ("{}", message("GRANT", bytes(64)), ""),
    ("{}", message("REVOKED", bytes(24)), ""),
    ("supervisor", message("CAGED", b"", 1), "k"),
    ("supervisor", message("LISTENER", b"", 1), "k"),
    # An accusation of the store: a worker that accuses ends itself.
    ("supervisor", message("ACCUSED", b"", 0), ""),
    # Cut short, and with more than belongs to it.
    ("auth", message("LOGIN", bytes(10)), ""),
    ("auth", message("LOGIN", bytes(400)), ""),
    ("auth", message("SASL", bytes(18) + octets(b"x") + b"\xff" * 4), ""),
    ("auth", message("RCPT", struct.pack("=I", 0xffffffff)), ""),
    ("auth", message("LOG_WANTED", bytes(8)), ""),
    ("store", message("LOGIN", bytes(64)), ""),
    ("store", message("LOG_WANTED"), ""),
    ("store", message("CLOSE", bytes(40)), ""),
    ("store", message("QUIT", struct.pack("=QII", 1, 0, 0), 2), "mm"),
    ("store", message("DELIVER", b"\xff" * 60), ""),
    ("store", message("DELIVER", b"\x00" + bytes(16) +
                      struct.pack("=I", 0xffff)), ""),
    # A body that is neither as long as it says nor a file.
    ("store", message("DELIVER", bytes(1) + struct.pack("=QQI", 0, 1 << 62, 1)
                      + bytes(24 + 16) + octets(b"") + octets(b""), 1), "m"),
    ("store", message("DELIVER", bytes(1) + struct.pack("=QQI", 0, 64, 1)
                      + bytes(24 + 16) + octets(b"") + octets(b""), 1), "k"),
]


def lies():
    for to, packet, fds in LIES:
        for channel in ("auth", "store", "supervisor"):
            if to in ("{}", channel):
                yield channel, packet, fds


def test_lies_of_a_worker(scene, server, usually):
    for channel, packet, fds in part_of(list(lies()), server):
        client, worker, _ = scene.attacker()
        since, _ = scene.ends(client, f"raw {channel} {packet} {fds}")
        # It sees the end of its channel at the same time.
        server.wait_log(rf"event=exit role=worker number={worker} ", since)
        log = server.log()[since:]
        assert re.search(r"event=channel .*broke the rules", log), (
            channel, packet, log)
    server.wait_all_ready()
    assert [server.pids(r) for r in ("auth", "store")] == scene.keepers


def test_huge_packets(scene, server, usually):
    for channel in ("auth", "store", "supervisor"):
        client, worker, _ = scene.attacker()
        since, said = scene.ends(client, f"huge {channel} 100000")
        # It sees the end of its channel at the same time.
        server.wait_log(rf"event=exit role=worker number={worker} ", since)
    server.wait_all_ready()
    assert [server.pids(r) for r in ("auth", "store")] == scene.keepers


def raw(scene, client, channel, packet, fds=""):
    assert scene.ask(client, f"raw {channel} {packet} {fds}")[0] == "sent"


def handle_of(scene, client, user):
    """Logs in by hand; the session's number at the store."""
    login = (bytes(10) + b"\x7f\0\0\1" + bytes(2) + b"\1\0" + octets(b"s") +
             b"\1" + octets(user.encode()) + octets(PASSWORD.encode()))
    raw(scene, client, "auth", message("LOGIN", login))
    answer = client.line().decode().split()
    assert answer[:3] == ["answer", "OPENED", "OK"], answer
    return int(answer[4])


def log_wanted(scene, client, handle):
    raw(scene, client, "store", message("LOG_WANTED",
                                        struct.pack("=Q", handle)))
    return client.line().decode().split()


def test_sessions_of_others(scene, server):
    """A number means nothing on another channel, and nothing after its end;
    what was granted once is not granted again."""
    mine = server.add_account()
    server.deliver(mine, BODY)
    client, worker, _ = scene.attacker()
    handle = handle_of(scene, client, mine)
    assert log_wanted(scene, client, handle)[1:4] == ["LOG_READY", "OK", "1"]
    # All numbers that this channel, or another one, may have given.
    for slot in range(64):
        for uses in range(4):
            for n in (slot << 32 | uses, uses << 32 | slot,
                      handle ^ slot << 32 ^ uses):
                got = log_wanted(scene, client, n)
                assert (got[2] == "OK") == (n == handle), (n, got)
    raw(scene, client, "store", message("CLOSE", struct.pack("=Q", handle)))
    assert log_wanted(scene, client, handle)[2] == "SNAPSHOT_GONE"
    raw(scene, client, "store", message("QUIT", struct.pack(
        "=QII", handle, 0, 0) + octets(struct.pack("=II", 1, 1))))
    assert client.line().decode().split()[1:3] == ["QUIT_DONE",
                                                   "SNAPSHOT_GONE"]
    # Auth, not the worker, says whose mail it is.
    wrong = (bytes(10) + b"\x7f\0\0\1" + bytes(2) + b"\1\0" + octets(b"s") +
             b"\1" + octets(scene.user.encode()) + octets(b"guess"))
    raw(scene, client, "auth", message("LOGIN", wrong))
    assert client.line().decode().split()[1:3] == ["LOGIN_FAILED", "DENIED"]
    client.close()
    # Another worker with that number.
    again, other, _ = scene.attacker()
    while other == worker:
        again.close()
        again, other, _ = scene.attacker()
    assert log_wanted(scene, again, handle)[2] == "SNAPSHOT_GONE"
    again.close()
    assert server.collect(mine) == [BODY]


def test_floods_of_a_worker(scene, server, usually):
    """More questions than it may have in flight, and descriptors: they are
    refused or it is ended; nobody else waits."""
    wrong = (bytes(10) + b"\x7f\0\0\1" + bytes(2) + b"\1\0" + octets(b"s") +
             b"\1" + octets(b"nobody@example.org") + octets(b"x"))
    for channel, packet, fds in [
            ("auth", message("LOGIN", wrong), ""),
            ("store", message("LOG_WANTED", bytes(8)), ""),
            ("store", message("SPOOL_WANTED"), ""),
            ("auth", message("RCPT", octets(scene.user.encode())), ""),
            ("supervisor", message("PONG"), "")]:
        client, worker, _ = scene.attacker()
        client.say(f"ATTACK flood {channel} 20000 {packet} {fds}\r\n".encode())
        scene.others_go_on()
        try:
            client.line()
        except (Closed, ConnectionResetError):
            pass
        client.close()
    server.wait_all_ready()
    assert [server.pids(r) for r in ("auth", "store")] == scene.keepers


@pytest.mark.parametrize("role", ["auth", "store"])
def test_lies_of_keepers(scene, server, usually, role):
    """Whoever gets garbage from auth or the store ends that channel."""
    since = len(server.log())
    ATTACKS[role](server, "spray " + "ff" * 64)
    server.wait_log("broke the rules of its channel", since)
    server.wait_log(rf"event=exit role={role} {ENDED}", since)
    scene.again()
