"""What surrounds the server: systemd, processes that hang."""
import array
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from post_office import PATIENCE, ROOT, environment

UNITS = os.path.join(ROOT, "contrib/systemd")


class Systemd:
    """The end of $NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        os.chmod(self.path, 0o777)
        self.sock.settimeout(PATIENCE)
        self.stored = []

    def next(self, wanted):
        """The next message with that line; others are passed over."""
        while True:
            text, control, _, _ = self.sock.recvmsg(4096, 4096)
            for _, _, data in control:
                fds = array.array("i")
                fds.frombytes(data)
                self.stored.extend(fds)
            lines = text.decode().split("\n")
            if any(line.startswith(wanted) for line in lines):
                return lines

    def waits(self):
        """Whether nothing is said for a second from now on."""
        self.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self.sock.recv(4096):
                pass
        self.sock.settimeout(1)
        try:
            self.sock.recv(4096)
            return False
        except socket.timeout:
            return True
        finally:
            self.sock.settimeout(PATIENCE)


@contextlib.contextmanager
def variables(**more):
    old = {k: os.environ.get(k) for k in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for k, v in old.items():
            if v is None:
                del os.environ[k]
            else:
                os.environ[k] = v


def test_systemd_is_told(new_office):
    office = new_office(start=False)
    systemd = Systemd(office.folder)
    with variables(NOTIFY_SOCKET=systemd.path, WATCHDOG_USEC="400000"):
        office.start()
    ready = systemd.next("READY=1")
    assert any(re.match(r"STATUS=\d+ listeners, \d+ workers", line)
               for line in ready)
    # The TCP listeners are kept over `systemctl restart`.
    ports = {socket.socket(fileno=os.dup(fd)).getsockname()[1]
             for fd in systemd.stored}
    assert {office.pop3_port, office.pop3s_port, office.smtp_port,
            office.lmtp_port} <= ports
    for _ in range(3):
        systemd.next("WATCHDOG=1")
    office.run("reload")
    lines = systemd.next("RELOADING=1")
    usec = int([x for x in lines if x.startswith("MONOTONIC_USEC=")][0][15:])
    assert abs(time.monotonic() - usec / 1e6) < 30
    assert "configuration 2" in "".join(systemd.next("READY=1"))
    office.run("restart")
    systemd.next("RELOADING=1")
    systemd.next("READY=1")
    office.proc.send_signal(signal.SIGTERM)
    systemd.next("STOPPING=1")
    assert office.stop() == 0


def state(office, role):
    return [p for p in office.status()["processes"] if p["role"] == role][0]


@pytest.mark.parametrize("role", ["worker"])
def test_what_hangs_comes_back(new_office, role):
    office = new_office(start=False)
    office.expects_deaths = True
    systemd = Systemd(office.folder)
    with variables(YUBIN_HANGS_MS="7000", NOTIFY_SOCKET=systemd.path,
                   WATCHDOG_USEC="200000"):
        office.start()
    pid = state(office, role)["pid"]
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + PATIENCE
    while True:
        now = state(office, role)
        if now["state"] == "not answering":
            break
        assert now["ready"], "told as something else"
        assert time.monotonic() < end
        time.sleep(0.1)
    office.run("status", code=3)
    assert systemd.waits()  # no WATCHDOG=1 meanwhile
    office.wait_log(rf"event=hangs msg=\"{role}-0 has not answered for")
    office.killed.add(pid)
    office.wait_all_ready()
    systemd.next("WATCHDOG=1")
    user = office.add_account()
    office.pop3(user).close()


def test_who_only_pauses_is_left_alone(new_office):
    office = new_office()
    user = office.add_account()
    with office.pop3(user) as c:
        pid = state(office, "store")["pid"]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(2.5)
        os.kill(pid, signal.SIGCONT)
        assert c.stat() == (0, 0)
        office.deliver(user, b"Subject: x\r\n\r\n")
    assert state(office, "store")["pid"] == pid


STARTER = r"""
import os, socket, sys
names, argv = [], sys.argv[1:]
for n, (host, port) in enumerate((a.rsplit(":", 1) for a in
                                  argv.pop(0).split(","))):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, int(port)))
    s.listen(100)
    os.dup2(s.detach(), 100 + n)
    names.append("unit")
for n in range(len(names)):
    os.dup2(100 + n, 3 + n)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)),
                  LISTEN_FDNAMES=":".join(names))
os.execv(argv[0], argv)
"""


def test_sockets_of_units(new_office):
    """Sockets come ready made: they are matched by address, and stay."""
    office = new_office(start=False)
    given = (f"127.0.0.1:{office.pop3_port},127.0.0.1:{office.smtp_port},"
             f"127.0.0.8:{office.pop3_port}")
    real = office.command
    office.command = lambda *a: (
        ["/usr/bin/python3", "-c", STARTER, given, *real(*a)]
        if a[0] == "serve" else real(*a))
    office.start()
    user = office.add_account()
    office.pop3(user).close()
    office.smtp().close()
    office.lmtp().close()  # was not given: opened by itself
    assert "that the configuration does not name: it is closed" in office.log()
    office.run("restart")
    office.pop3(user).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_without_root_but_with_capabilities(new_office):
    """As the unit starts it: not root, five capabilities, no more."""
    office = new_office()  # makes the users
    office.stop()
    caps = "setuid,+setgid,+kill,+dac_read_search,+sys_chroot"
    real = office.command
    office.command = lambda *a: (
        ["setpriv", "--reuid", "yubin-metrics", "--regid", "yubin",
         "--clear-groups", "--inh-caps", f"-all,+{caps}", "--ambient-caps",
         f"-all,+{caps}", "--bounding-set", f"-all,+{caps}",
         "--no-new-privs", *real(*a)] if a[0] == "serve" else real(*a))
    run = os.path.join(office.dir, "run")
    shutil.chown(run, "yubin-metrics", "yubin")
    shutil.chown(office.stderr_path, "yubin-metrics")
    office.start()
    user = office.add_account()
    office.deliver(user, b"Subject: x\r\n\r\n")
    assert len(office.collect(user)) == 1
    for p in office.status()["processes"]:
        with open(f"/proc/{p['pid']}/status", encoding="ascii") as f:
            s = dict(line.rstrip("\n").split(":\t", 1) for line in f
                     if ":\t" in line)
        assert "0" not in s["Uid"].split() and s["NoNewPrivs"] == "1"
        if p["role"] != "supervisor":
            assert all(int(s[k], 16) == 0 for k in
                       ("CapEff", "CapPrm", "CapInh", "CapAmb")), p
            assert os.readlink(f"/proc/{p['pid']}/root") != "/", p
    office.run("reload")
    office.run("restart")
    office.kill(office.pids("worker")[0])
    office.expects_deaths = True
    office.wait_all_ready()
    assert len(office.collect(user)) == 1


@pytest.mark.skipif(not shutil.which("systemd-analyze"),
                    reason="no systemd-analyze")
def test_the_unit_is_tight(tmp_path):
    with open(os.path.join(UNITS, "yubin.service.in"), encoding="ascii") as f:
        text = f.read().replace("@YUBIN_PROGRAM@", "/usr/sbin/yubin")
    unit = tmp_path / "yubin.service"
    unit.write_text(text)
    done = subprocess.run(["systemd-analyze", "security", "--offline=true",
                           "--no-pager", str(unit)], capture_output=True,
                          timeout=PATIENCE, check=True, env=environment())
    level = re.search(r"Overall exposure level for yubin.service: ([\d.]+)",
                      done.stdout.decode())
    assert float(level.group(1)) <= 1.5
