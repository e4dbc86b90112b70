"""What clients and dying processes may do to a session, by way of attack."""
import ctypes
import os
import signal
import socket
import struct
import time

import pytest

from post_office import PASSWORD, Line, to_wire

BODY = b"Subject: x\r\n\r\nhello\r\n"


def server_side(client):
    """Whether the kernel still holds the server's end of a connection."""
    host, port = client.sock.getsockname()[:2]
    want = "%08X:%04X" % (struct.unpack("<I", socket.inet_aton(host))[0],
                          port)
    with open("/proc/net/tcp", encoding="ascii") as f:
        rows = [line.split() for line in f]
    return any(r[2] == want and r[3] in ("01", "08") for r in rows[1:])


def wait_gone(client, seconds=5):
    end = time.monotonic() + seconds
    while server_side(client):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("octets", [b"", b"Q", b"NOOP\r\n", b"NO\nOP"])
def test_an_end_that_comes_with_data_is_seen(office, octets):
    """One edge of the watch tells of both, and there is no second one."""
    for _ in range(5):
        with office.pop3() as c:
            c.say(octets)
            c.sock.shutdown(socket.SHUT_WR)
            assert wait_gone(c), "the connection stays until it is idle"


def test_half_close_gets_what_was_asked(office, user):
    office.deliver(user, BODY)
    with office.pop3() as c:
        c.say(b"USER %b\r\nPASS %b\r\nSTAT\r\nRETR 1\r\n" %
              (user.encode(), PASSWORD.encode()))
        c.sock.shutdown(socket.SHUT_WR)
        said = c.rest()
    assert said.count(b"+OK") == 4, said
    assert said.endswith(b"hello\r\n.\r\n")


def test_half_close_without_quit_deletes_nothing(office, user):
    office.deliver(user, BODY)
    with office.pop3(user) as c:
        c.say(b"DELE 1\r\n")
        c.sock.shutdown(socket.SHUT_WR)
        assert c.rest().startswith(b"+OK")
    with office.pop3(user) as c:
        assert c.stat()[0] == 1


@pytest.mark.parametrize("quit_too", [True, False])
def test_half_close_of_mail_in_gets_its_answer(office, user, quit_too):
    """Without the answer the sender tries again: a duplicate."""
    with office.lmtp() as c:
        c.say(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<%b>\r\nDATA\r\n" %
              user.encode() + to_wire(BODY) +
              (b"QUIT\r\n" if quit_too else b""))
        c.sock.shutdown(socket.SHUT_WR)
        said = c.rest()
    assert said.count(b"250 2.0.0") == 1, said
    assert len(office.collect(user)) == 1


def test_half_close_in_the_middle_of_data(office, user):
    with office.lmtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@b.example>")
        c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
        c.smtp_ask(b"DATA", b"354")
        c.say(b"Subject: cut off\r\n\r\n" + b"x" * 3000)
        c.sock.shutdown(socket.SHUT_WR)
        assert c.rest() == b""
    assert office.collect(user) == []


def test_large_retr_then_quit_with_a_small_window(office, user):
    body = b"Subject: big\r\n\r\n" + b"x" * 78 * 1 + b"\r\n"
    body += (b"y" * 78 + b"\r\n") * 20000
    office.deliver(user, body)
    for tls in (False, True):
        with office.pop3(user, tls=tls, rcvbuf=2304) as c:
            c.say(b"RETR 1\r\nRETR 1\r\nQUIT\r\n")
            if not tls:
                c.sock.shutdown(socket.SHUT_WR)
            said = c.rest()
        assert said.count(b"\r\n.\r\n") == 2
        assert said.endswith(b"+OK bye\r\n")


def test_sasl_exchange_outlives_auth(new_office):
    """
    The new auth knows nothing of the exchange; that is the client's bad luck,
    not the end of the worker's channel.
    """
    office = new_office()
    office.expects_deaths = True
    user = office.add_account()
    clients = []
    for _ in range(8):  # so that every worker has one
        c = office.pop3()
        c.ask(b"AUTH LOGIN", b"+ ")
        clients.append(c)
    for pid in office.pids("auth"):
        office.kill(pid)
    office.wait_all_ready()
    for c in clients:
        c.ask(b"YWxpY2U=", b"-ERR [SYS/TEMP]")
        c.close()
    for _ in range(8):
        with office.pop3(user) as c:
            assert c.stat() == (0, 0)


@pytest.mark.parametrize("role", ["auth", "store"])
def test_keeper_dies_under_load(new_office, role):
    office = new_office()
    office.expects_deaths = True
    user = office.add_account()
    office.deliver(user, BODY)
    for _ in range(6):
        waiting = []
        for i in range(60):
            c = office.pop3()
            c.say(b"USER %b\r\nPASS %b\r\nRETR 1\r\nDELE 2\r\n" %
                  (user.encode(), PASSWORD.encode()))
            waiting.append(c)
        for pid in office.pids(role):
            office.kill(pid)
        for c in waiting:
            c.say(b"QUIT\r\n")
            said = c.rest()
            assert said.startswith(b"+OK send PASS\r\n"), said
            c.close()
        office.wait_all_ready()
    with office.pop3(user) as c:
        assert c.retr(1).endswith(b"hello\r\n")
    assert "signal=11" not in office.log() and "signal=6" not in office.log()


# ---- a worker that was taken over ----

PIDFD_OPEN, PIDFD_GETFD = 434, 438  # of every architecture


def take_channels(pid):
    """A worker's own channels to the others, all but the supervisor's."""
    libc = ctypes.CDLL(None, use_errno=True)
    kinds = {}
    with open("/proc/net/unix", encoding="ascii", errors="replace") as f:
        for row in f.read().splitlines()[1:]:
            fields = row.split()
            kinds[fields[6]] = fields[4]
    pidfd = libc.syscall(PIDFD_OPEN, pid, 0)
    found = []
    for fd in sorted(map(int, os.listdir(f"/proc/{pid}/fd"))):
        name = os.readlink(f"/proc/{pid}/fd/{fd}")
        # SOCK_SEQPACKET is 5; the supervisor's is descriptor 3.
        if fd == 3 or kinds.get(name[8:-1]) != "0005":
            continue
        mine = libc.syscall(PIDFD_GETFD, pidfd, fd, 0)
        if mine < 0:
            pytest.skip("may not take descriptors of other processes")
        found.append(socket.socket(fileno=mine))
    os.close(pidfd)
    return found


@pytest.mark.parametrize("which", [0, 1])
def test_rule_breaker_is_ended_and_replaced(new_office, which):
    """
    A channel that a keeper ended would else stay away for ever, and every
    session of this worker would be refused.
    """
    if os.geteuid() != 0:
        pytest.skip("only root may take descriptors of other processes")
    office = new_office()
    office.expects_deaths = True
    user = office.add_account()
    workers = office.pids("worker")
    keepers = office.pids("auth") + office.pids("store")
    channels = take_channels(workers[0])
    assert len(channels) == 2
    channels[which].send(struct.pack("<IHHQ", 16, 1, 0, 7))
    office.wait_log(r"worker-\d+ broke the rules of its channel")
    for c in channels:
        c.close()
    office.wait_log(rf"event=exit role=worker .*pid={workers[0]} signal=9")
    office.wait_all_ready()
    assert workers[0] not in office.pids("worker")
    assert office.pids("auth") + office.pids("store") == keepers
    for _ in range(12):
        with office.pop3(user) as c:
            assert c.stat() == (0, 0)


# ---- limits and the end ----

def test_few_descriptors_do_not_cost_the_channels(new_office):
    """
    A log that comes from the store and finds no free descriptor would end the
    channel, and all sessions with it.
    """
    office = new_office(start=False)
    plain = office.command
    office.command = lambda *args: ["prlimit", "--nofile=300:300",
                                    *plain(*args)]
    office.set("workers", 1)
    office.start()
    user = office.add_account()
    office.deliver(user, BODY)
    office.wait_log("event=limit")
    sessions, refused = [], 0
    while refused < 5:
        c = Line(("127.0.0.1", office.pop3_port))
        if c.line().startswith(b"-ERR [SYS/TEMP]"):
            refused += 1
            c.close()
        else:
            sessions.append(c)
    assert 10 < len(sessions) < 150
    for c in sessions:
        c.ask(b"USER " + user.encode())
        c.ask(b"PASS " + PASSWORD.encode())
        assert c.retr(1).endswith(b"hello\r\n")
    for c in sessions:
        assert c.retr(1).endswith(b"hello\r\n")
        c.close()
    assert "is gone" not in office.log()


@pytest.mark.parametrize("tls", [False, True])
def test_stop_lets_an_answer_end(new_office, tls):
    office = new_office()
    user = office.add_account()
    office.deliver(user, b"Subject: big\r\n\r\n" +
                   (b"y" * 78 + b"\r\n") * 100000)
    with office.pop3(user, tls=tls, rcvbuf=65536) as c:
        c.ask(b"DELE 1")
        c.ask(b"RSET")
        octets = int(c.ask(b"RETR 1").split()[1])
        office.proc.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert len(c.multi()) == octets
        assert c.line().startswith(b"-ERR [SYS/TEMP]")
        assert c.rest() == b""
    assert office.stop() == 0


def test_stop_in_the_middle_of_data(new_office):
    office = new_office()
    user = office.add_account()
    with office.lmtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@b.example>")
        c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
        c.smtp_ask(b"DATA", b"354")
        c.say(b"Subject: cut off\r\n\r\n" + b"x" * 3000)
        time.sleep(0.1)
        office.proc.send_signal(signal.SIGTERM)
        assert c.line().startswith(b"421 ")
    assert office.stop() == 0
    office.start()
    assert office.collect(user) == []
