"""What clients and dying processes may do to a session, by way of attack."""
import os
import signal
import socket
import struct
import time

import pytest

from post_office import PASSWORD, Closed, to_wire

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
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)
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
            os.kill(pid, signal.SIGKILL)
        for c in waiting:
            c.say(b"QUIT\r\n")
            said = c.rest()
            assert said.startswith(b"+OK send PASS\r\n"), said
            c.close()
        office.wait_all_ready()
    with office.pop3(user) as c:
        assert c.retr(1).endswith(b"hello\r\n")
    assert "signal=11" not in office.log() and "signal=6" not in office.log()
