"""`yubin restart`: a new program takes over, and nobody is refused."""
import json
import os
import re
import shutil
import signal
import socket
import stat
import threading
import time

import pytest

from post_office import PATIENCE, Closed, Line, strip_trace

BODY = b"Subject: x\r\n\r\n" + b"0123456789abcdef" * 4 + b"\r\n"


class Clients:
    """Clients that come all the time; what went wrong is kept."""

    def __init__(self, office, user):
        self.office, self.user = office, user
        self.end = threading.Event()
        self.wrong, self.accepted, self.connected = [], 0, 0
        self.threads = [threading.Thread(target=self.loop, args=(do,))
                        for do in (self.read, self.read, self.write)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        for t in self.threads:
            t.join(PATIENCE)

    def loop(self, do):
        while not self.end.is_set():
            try:
                do()
            except (OSError, Closed) as e:  # refused, reset, cut
                self.wrong.append(f"{do.__name__}: {e!r}")
            except Exception as e:
                # A server that makes way may end a session between two
                # commands, and says so.
                if b"[SYS/TEMP]" not in str(e).encode() and \
                        b"421" not in str(e).encode():
                    self.wrong.append(f"{do.__name__}: {e!r}")
            time.sleep(0.01)

    def read(self):
        with self.office.pop3(self.user) as c:
            self.connected += 1
            n = c.stat()[0]
            if n:
                c.retr(1 + self.connected % n)
            c.ask(b"QUIT")

    def write(self):
        with self.office.lmtp() as c:
            self.connected += 1
            c.send_mail([self.user], BODY)
            self.accepted += 1
            c.say(b"QUIT\r\n")


def test_nobody_is_refused(new_office):
    office = new_office()
    user = office.add_account()
    big = office.add_account()
    body = b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 200_000
    office.deliver(big, body)
    office.deliver(user, BODY)
    pid = office.proc.pid
    first = set(office.pids("worker"))
    # A client that takes a large message slowly, over both restarts.
    slow = office.pop3(big, rcvbuf=8192)
    slow.say(b"RETR 1\r\nNOOP\r\n")
    slow.expect(b"+OK")
    idle = office.pop3(user)
    with Clients(office, user) as clients:
        for _ in range(2):
            time.sleep(0.4)
            got = json.loads(office.run("restart", "--json").stdout)
            assert got["ms"] < 9_000
        time.sleep(0.4)
    assert clients.wrong == []
    assert clients.connected > 30
    # The same process, with others below it.
    assert office.proc.pid == pid and office.is_running()
    assert not first & set(office.pids("worker"))
    # An idle session was told; nothing is deleted by that.
    assert idle.rest().startswith(b"-ERR [SYS/TEMP] ")
    # The slow one gets its message to the end: then the last line.
    slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    got = bytearray(slow.buffer)
    while more := slow.sock.recv(1 << 20):
        got += more
    slow.close()
    idle.close()
    message, rest = bytes(got).split(b"\r\n.\r\n")
    assert strip_trace(message + b"\r\n") == body
    assert re.match(rb"\+OK.*\r\n-ERR \[SYS/TEMP\] .*\r\n$", rest)
    assert len(office.collect(user)) == clients.accepted + 1
    office.wait_all_ready()
    end = time.monotonic() + PATIENCE
    while len(office.family()) > 1 + len(office.status()["processes"]) - 1:
        assert time.monotonic() < end, office.family()
        time.sleep(0.05)


def test_by_signal_with_another_configuration(new_office):
    """What a reload leaves for a restart is taken up; listeners move."""
    office = new_office()
    user = office.add_account()
    office.deliver(user, BODY)
    office.set("workers", 3)
    moved = f"127.0.0.9:{office.smtp_port}"
    office.replace(f"127.0.0.1:{office.smtp_port}", moved)
    since = len(office.log())
    office.proc.send_signal(signal.SIGUSR2)
    office.wait_log("event=ready", since)
    office.wait_all_ready()
    assert len(office.pids("worker")) == 3
    with pytest.raises(ConnectionRefusedError):
        office.smtp()
    Line(("127.0.0.9", office.smtp_port)).close()
    assert len(office.collect(user)) == 1
    office.lmtp(unix=True).close()
    # It ends as ever, and takes its socket files along.
    assert office.stop() == 0
    assert not os.path.exists(office.lmtp_socket)
    office.start()


def test_a_program_that_cannot_take_over(new_office):
    office = new_office(start=False)
    program = os.path.join(office.folder, "yubin-copy")
    shutil.copy(office.binary, program)
    real, office.binary = office.binary, program
    office.start()
    user = office.add_account()
    before = office.status()
    # The file on the disk is replaced by one that refuses.
    with open(program + ".new", "w", encoding="ascii") as f:
        f.write("#!/bin/sh\necho 'the store is of another age' >&2\nexit 10\n")
    os.chmod(program + ".new", 0o755)
    os.rename(program + ".new", program)
    office.binary = real
    done = office.run("restart", code=10)
    assert b"the store is of another age" in done.stderr
    assert b"nothing was changed" in done.stderr
    os.chmod(program, stat.S_IRUSR)
    done = office.run("restart", code=10)
    assert b"cannot be executed (exit 127)" in done.stderr
    # A configuration that the new program does not take.
    os.remove(program)
    shutil.copy(real, program)
    office.set("workers", "none")
    office.run("restart", code=10)
    office.proc.send_signal(signal.SIGUSR2)
    office.wait_log("event=restart msg=.*workers: ")
    office.set("workers", 2)
    after = office.status()
    assert [p["pid"] for p in before["processes"]] == \
        [p["pid"] for p in after["processes"]]
    office.deliver(user, BODY)
    # And one that does.
    office.run("restart")
    assert len(office.collect(user)) == 1


def test_end_while_draining(new_office):
    """SIGTERM while sessions are waited for: an end, not a restart."""
    office = new_office()
    user = office.add_account()
    stop = threading.Event()
    c = office.pop3(user)

    def chat():
        try:
            while not stop.is_set():  # never idle, so never at an end
                c.ask(b"NOOP")
                time.sleep(0.1)
        except Exception:  # its end comes sooner or later
            c.close()

    t = threading.Thread(target=chat)
    t.start()
    time.sleep(0.3)
    office.proc.send_signal(signal.SIGUSR2)
    office.wait_log("sessions end in order")
    assert office.stop() == 0
    stop.set()
    t.join()
    assert "executing" not in office.log()


def test_waits_for_a_reload(new_office):
    """Reloads in a row, which may keep the supervisor busy."""
    office = new_office()
    for _ in range(10):
        os.kill(office.proc.pid, signal.SIGHUP)
    assert office.run("reload", code=0).stdout
    for _ in range(10):
        os.kill(office.proc.pid, signal.SIGHUP)
    assert b"restarted" in office.run("restart", code=0).stdout
