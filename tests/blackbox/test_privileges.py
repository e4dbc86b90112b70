"""Who runs as whom, in which cage: by root with users of its own, and
without root."""
import contextlib
import json
import os
import pwd
import re
import resource
import shutil
import smtplib
import stat
import subprocess

import pytest

import mailgen
from post_office import NOBODY, PASSWORD, PATIENCE, SANITIZED, may_mount


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f
                    if ":\t" in line)


@pytest.fixture
def running(new_office, as_whom):
    return new_office(user=as_whom)


def test_works(running, as_whom):
    mail = list(mailgen.messages(60, seed=2))
    user = running.add_account()
    with smtplib.SMTP("127.0.0.1", running.smtp_port) as s:
        for body in mail[:30]:
            s.sendmail("a@example.net", [user], body)
    with running.lmtp(unix=True) as c:
        for body in mail[30:]:
            c.send_mail([user], body)
    running.run("deliver", user, data=b"Subject: by command\n\n")
    assert running.collect(user) == mail + [b"Subject: by command\r\n\r\n"]
    with running.pop3(user, tls=True) as c:
        for n in range(1, 62):
            c.ask(b"DELE %d" % n)
        c.ask(b"QUIT")
    running.restart()
    assert running.collect(user) == []
    running.run("check")
    running.run("account", "list")
    running.run("account", "remove", user, "--yes")
    running.stop()
    # Commands without a server leave files that the server can use.
    other = running.add_account()
    running.run("account", "password", other, "--password-stdin",
                "--allow-weak", data=PASSWORD.encode())
    running.start()
    running.deliver(other, mail[0])
    assert running.collect(other) == mail[:1]


def test_roles(running, as_whom):
    """Each process has the rights of its role, and no more."""
    want = {"store": "yubin", "auth": "yubin-auth",
            "worker": "yubin-worker", "metrics": "yubin-metrics",
            "supervisor": "root"}
    for p in running.status()["processes"]:
        s = status_of(p["pid"])
        assert s["Seccomp"] == "2", (p, s["Seccomp"])  # a filter
        assert s["NoNewPrivs"] == "1" or p["role"] == "supervisor"
        name = pwd.getpwuid(int(s["Uid"].split()[0])).pw_name
        if as_whom == NOBODY:
            assert name == NOBODY
        elif os.geteuid() == 0:
            assert name == want[p["role"]]
            assert len(set(s["Uid"].split())) == 1
            if p["role"] != "supervisor":
                assert int(s["CapEff"], 16) == int(s["CapPrm"], 16) == 0
                assert "0" not in s["Groups"].split()


def test_frame(running, as_whom):
    """Root folders, and limits of all that a process may use."""
    store = os.path.join(running.dir, "store")
    for p in running.status()["processes"]:
        role, proc = p["role"], f"/proc/{p['pid']}"
        with open(f"{proc}/limits", encoding="ascii") as f:
            limits = dict(re.findall(r"(?m)^Max (\S.*?) {2,}(\S+)",
                                     f.read()))
        assert limits["core file size"] == "0", role
        assert SANITIZED or int(limits["address space"]) <= 64 << 30, role
        alone = role in ("worker", "metrics")
        assert (limits["processes"] == "0") == alone, role
        if role in ("auth", "metrics"):
            assert int(limits["open files"]) <= 4096, role
        root, folder = (os.readlink(f"{proc}/{name}")
                        for name in ("root", "cwd"))
        if role == "supervisor":
            assert root == "/"
        elif as_whom == NOBODY or os.geteuid() != 0:
            assert (root, folder.endswith(" (deleted)")) == ("/", True), p
        else:
            assert root == folder, p
            assert root == store if role == "store" else \
                root.endswith(" (deleted)"), p


def test_policy_of_the_scheduler(running):
    """Processes that hand work to one another do not interrupt each other;
    a policy that was chosen from outside stays."""
    ours = os.sched_getscheduler(0)
    wanted = os.SCHED_BATCH if ours == os.SCHED_OTHER else ours
    for p in running.status()["processes"]:
        assert os.sched_getscheduler(p["pid"]) == (
            ours if p["role"] == "supervisor" else wanted), p


def test_supervisor_has_few_rights(new_office):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    office = new_office()
    caps = int(status_of(office.proc.pid)["CapEff"], 16)
    assert caps & 1 << 7  # CAP_SETUID
    for cap in (12, 13, 16, 17, 19, 21, 39):
        # NET_ADMIN, NET_RAW, SYS_MODULE, SYS_RAWIO, SYS_PTRACE, SYS_ADMIN,
        # BPF
        assert not caps & 1 << cap, cap


@pytest.mark.skipif(SANITIZED, reason="sanitizers reserve all addresses")
def test_no_more_addresses(running, as_whom):
    """A limit that is reached is an answer to one client, and no death."""
    user = running.add_account()
    with running.lmtp() as c:
        c.send_mail([user], b"Subject: before\r\n\r\n")
        for pid in running.pids("worker"):
            uid = status_of(pid)["Uid"].split()[0]
            size = int(status_of(pid)["VmSize"].split()[0]) * 1024
            argv = ["prlimit", "--pid", str(pid), f"--as={size + (1 << 20)}"]
            if os.geteuid() == 0:
                argv = ["setpriv", "--reuid", uid, "--clear-groups",
                        "--regid", status_of(pid)["Gid"].split()[0], *argv]
            subprocess.run(argv, check=True, timeout=PATIENCE)
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
        c.smtp_ask(b"DATA", b"354")
        c.say((b"x" * 998 + b"\r\n") * 30000 + b".\r\n")
        first = c.reply(b"")[-1]
        # The store's disk takes what memory does not, or it is refused.
        assert first.startswith((b"250", b"45")), first
        c.send_mail([user], b"Subject: after\r\n\r\n")
    assert len(running.collect(user)) == 2 + first.startswith(b"250")


def test_role_without_a_user(new_office):
    """An update may bring a role that has no user on this host yet."""
    if not may_mount():
        pytest.skip("needs root and a mount namespace")
    office = new_office(start=False)
    with open("/etc/passwd", encoding="utf-8") as f:
        users = [u for u in f if not u.startswith("yubin-worker:")]
    passwd = os.path.join(office.folder, "passwd")
    with open(passwd, "w", encoding="utf-8") as f:
        f.writelines(users)
    real = office.command
    office.command = lambda *a: [
        "unshare", "--mount", "sh", "-c",
        f'mount --bind {passwd} /etc/passwd && exec "$@"', "sh", *real(*a)]
    office.start()
    office.wait_log("event=user .*no user yubin-worker.*worker runs as nobody")
    user = office.add_account()
    office.deliver(user, b"Subject: x\r\n\r\n")
    assert len(office.collect(user)) == 1
    uid = status_of(office.pids("worker")[0])["Uid"].split()[0]
    assert int(uid) == pwd.getpwnam(NOBODY).pw_uid
    told = json.loads(office.run("doctor", "--json", code=None).stdout)
    assert "yubin-worker" in json.dumps(told)


def test_processes_cannot_be_looked_into(running, as_whom):
    # Threat 60: PR_SET_DUMPABLE 0 makes /proc/PID root's.
    for p in running.status()["processes"]:
        assert os.stat(f"/proc/{p['pid']}/mem").st_uid == 0, p["role"]


def test_no_handlers_and_no_cores(new_office, as_whom):
    # Whoever starts it would have cores.
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    hard = "unlimited" if hard == resource.RLIM_INFINITY else hard
    running = new_office(user=as_whom, start=False)
    plain = running.command
    running.command = lambda *args: ["prlimit", f"--core={hard}:{hard}",
                                     *plain(*args)]
    running.start()
    for p in running.status()["processes"]:
        # Threat 59: no signal is caught but 32 and 33, by which the C
        # library makes its threads obey; the sanitizers catch more.
        caught = int(status_of(p["pid"])["SigCgt"], 16) & ~(3 << 31)
        assert caught == 0 or SANITIZED, (p["role"], hex(caught))
        with open(f"/proc/{p['pid']}/limits", encoding="ascii") as f:
            assert re.search(r"(?m)^Max core file size +0 +0 ", f.read()), \
                p["role"]


def open_files(pid):
    paths = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            paths.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return paths


def test_worker_holds_no_files(running, as_whom):
    """Sockets, pipes, memory: no folder, no mail of anybody's."""
    user = running.add_account()
    running.deliver(user, b"Subject: x\r\n\r\n")
    since = len(running.log())
    with running.pop3(user) as c:
        c.retr(1)
    running.wait_log(f"event=session.*account={re.escape(user)} ", since)
    for pid in running.pids("worker"):
        for path in open_files(pid):
            assert "/store" not in path and "/auth" not in path, path
            assert not path.startswith(running.dir), path


def test_files_are_private(running, as_whom):
    user = running.add_account()
    running.deliver(user, b"Subject: x\r\n\r\n")
    for top, folders, names in os.walk(running.dir):
        for name in folders + names:
            path = os.path.join(top, name)
            mode = os.lstat(path).st_mode
            private = any(part in path[len(running.dir):] + "/" for part in
                          ("/store/", "/auth/", ".key"))
            if stat.S_ISSOCK(mode):
                continue
            assert mode & 0o002 == 0, path
            if private:
                assert mode & 0o077 == 0, (path, oct(mode))
    control = os.path.join(running.dir, "run/control")
    assert os.lstat(control).st_mode & 0o007 == 0


def test_program_in_a_closed_folder(new_office):
    """The users that the server becomes need no way to the program."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    office = new_office(start=False)
    closed = os.path.join(office.folder, "closed")
    os.mkdir(closed, 0o700)
    shutil.copy(office.binary, closed)
    office.binary = os.path.join(closed, "yubin")
    office.start()
    user = office.add_account()
    office.deliver(user, b"Subject: x\r\n\r\n")
    assert len(office.collect(user)) == 1


def test_folder_that_users_cannot_reach(new_office):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    office = new_office(start=False)
    closed = os.path.join(office.folder, "closed")
    os.mkdir(closed, 0o700)
    done = office.run("init", os.path.join(closed, "d"), "--loopback",
                      config=False, code=None)
    assert done.returncode != 0 and closed in done.stderr.decode()
