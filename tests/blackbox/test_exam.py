"""
What an examiner from outside does: collectors that people still use, octets
without sense on every port, and many hands at once on the same maildrops.
"""
import base64
import collections
import os
import random
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from mail_programs import GETMAIL
from many_hands import Maildrop, one_session, send_some
from post_office import (NOBODY, PASSWORD, PATIENCE, SANITIZED, Closed,
                         Failure, next_source, strip_trace, to_wire,
                         unprivileged)

MAIL = [b"From: a@example.net\r\nTo: b@example.org\r\n"
        b"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
        b"Message-ID: <%d@example.net>\r\nSubject: m%d\r\n\r\n"
        b"line\r\n.dot\r\n..\r\n" % (i, i) for i in range(25)]


# ---- collectors ----

def run(argv, code=0, env=None):
    done = subprocess.run([str(a) for a in argv], capture_output=True,
                          timeout=PATIENCE, env={**os.environ, **(env or {})})
    assert done.returncode == code, (done.stdout[-2000:],
                                     done.stderr[-2000:])
    return done.stdout + done.stderr


@pytest.fixture
def filled(office, user):
    with office.lmtp() as c:
        for body in MAIL:
            c.send_mail([user], body)
    return user


def count(office, user):
    with office.pop3(user) as c:
        return c.stat()[0]


@pytest.mark.skipif(not shutil.which("fetchmail"), reason="no fetchmail")
@pytest.mark.parametrize("how", ["stls", "pop3s"])
def test_fetchmail(office, filled, tmp_path, how):
    port, tls = {"stls": (office.pop3_port, "sslproto tls1.2+"),
                 "pop3s": (office.pop3s_port, "ssl")}[how]
    box = tmp_path / "box"

    def fetch(more, code):
        rc = tmp_path / "rc"
        rc.write_text(
            f"poll localhost proto pop3 port {port} uidl "
            f'user "{filled}" password "{PASSWORD}" {tls} sslcertck '
            f'sslcertfile "{office.ca}" {more} mda "cat >> {box}"\n')
        rc.chmod(0o600)
        said = run(["fetchmail", "-f", rc, "-v"], code,
                   {"FETCHMAILHOME": str(tmp_path)})
        assert b"TLS" in said

    fetch("keep", 0)
    assert box.read_text().count("\nSubject: m") == len(MAIL)
    fetch("keep", 1)  # 1: nothing new
    office.deliver(filled, MAIL[0])
    fetch("keep", 0)
    assert box.read_text().count("\nSubject: m") == len(MAIL) + 1
    fetch("no keep fetchall", 0)
    assert count(office, filled) == 0


@pytest.mark.skipif(not shutil.which("getmail"), reason="no getmail")
@pytest.mark.parametrize("kind", ["SimplePOP3Retriever",
                                  "SimplePOP3SSLRetriever"])
def test_getmail(office, filled, kind):
    # It does not deliver as root, and nobody does not get into tmp_path.
    home = os.path.join(office.folder, "getmail-" + kind)
    for part in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(home, "Maildir", part))
    ca = os.path.join(home, "ca.pem")
    shutil.copyfile(office.ca, ca)
    is_tls = "SSL" in kind

    def fetch(delete):
        rc = os.path.join(home, "getmailrc")
        with open(rc, "w", encoding="ascii") as f:
            f.write(f"[retriever]\ntype = {kind}\nserver = localhost\n"
                    f"port = "
                    f"{office.pop3s_port if is_tls else office.pop3_port}\n"
                    f"username = {filled}\npassword = {PASSWORD}\n"
                    + (f"ca_certs = {ca}\n" if is_tls else "") +
                    f"[destination]\ntype = Maildir\npath = {home}/Maildir/\n"
                    f"[options]\nread_all = false\ndelete = {delete}\n")
        argv = [*GETMAIL, "-g", home, "-r", rc]
        if os.geteuid() == 0:
            for top, _, names in os.walk(home):
                for path in (top, *(os.path.join(top, n) for n in names)):
                    shutil.chown(path, NOBODY, "nogroup")
            argv = unprivileged(argv)
        run(argv, env={"HOME": home})
        return len(os.listdir(os.path.join(home, "Maildir/new")))

    assert fetch("false") == len(MAIL)
    assert fetch("false") == len(MAIL)
    office.deliver(filled, MAIL[0])
    assert fetch("true") == len(MAIL) + 1
    assert count(office, filled) == 0


NET_POP3 = r"""
use Net::POP3;
my ($how, $port, $user, $password, $ca) = @ARGV;
my @tls = (SSL_ca_file => $ca, SSL_verifycn_name => "localhost");
my $c = Net::POP3->new("localhost", Port => $port, Timeout => 30, @tls,
	$how eq "pop3s" ? (SSL => 1) : ()) or die "connect: $@";
$c->starttls(@tls) or die "starttls: " . $c->message if $how eq "stls";
my $n = $c->login($user, $password);
die "login: " . $c->message unless defined $n;
my ($list, $uidl) = ($c->list, $c->uidl);
die "list" unless keys(%$list) == $n && keys(%$uidl) == $n;
for my $i (1 .. $n) {
	my $m = join "", @{$c->get($i)};
	$m =~ s/\r?\n/\r\n/g;
	die "octets of $i" unless length($m) == $list->{$i};
	die "top" unless @{$c->top($i, 1)};
	$c->delete($i) or die "delete";
}
$c->quit or die "quit";
print "collected $n\n";
"""


@pytest.mark.parametrize("how", ["plain", "stls", "pop3s"])
def test_net_pop3(office, filled, how):
    if subprocess.run(["perl", "-MNet::POP3", "-MIO::Socket::SSL", "-e1"],
                      capture_output=True, check=False).returncode != 0:
        pytest.skip("no Net::POP3 with TLS")
    port = office.pop3s_port if how == "pop3s" else office.pop3_port
    said = run(["perl", "-e", NET_POP3, how, port, filled, PASSWORD,
                office.ca])
    assert b"collected %d" % len(MAIL) in said
    assert count(office, filled) == 0


# ---- octets without sense ----

POP3_WORDS = [b"USER", b"PASS", b"STAT", b"LIST", b"UIDL", b"RETR", b"TOP",
              b"DELE", b"RSET", b"NOOP", b"CAPA", b"AUTH", b"QUIT", b"STLS",
              b"APOP", b"", b"rEtR"]
SMTP_WORDS = [b"EHLO x", b"LHLO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:",
              b"DATA", b"RSET", b"NOOP", b"VRFY", b"QUIT", b"STARTTLS",
              b"AUTH", b"BDAT", b"", b"MAIL FROM:<> SIZE=99999999999999999"]
ENDS = [b"\r\n"] * 9 + [b"\n", b"\r", b"\r\r\n", b""]


def nonsense(rng, is_pop3, user):
    login = base64.b64encode(b"\0%b\0%b" % (user, PASSWORD.encode()))
    words = [b"", b"1", b"2", b"0", b"-1", b"4294967297", b"9" * 300, b"1 5",
             user, b"<" + user + b">", b"PLAIN " + login, b"PLAIN", b"LOGIN",
             login, b"=", b"*", b"\0", b"a" * 70000, b"<x@elsewhere.example>",
             b"10 LAST", rng.randbytes(30)]
    said = []
    for _ in range(rng.randrange(1, 30)):
        if rng.random() < 0.15:
            said.append(b"USER %b\r\nPASS %b\r\n" % (user, PASSWORD.encode())
                        if is_pop3 else
                        b"EHLO x\r\nLHLO x\r\nMAIL FROM:<a@b.example>\r\n"
                        b"RCPT TO:<%b>\r\nDATA\r\n" % user)
        elif rng.random() < 0.1:
            said.append(rng.choice([rng.randbytes(3000), b"\r.\n..\r\n" * 30,
                                    b"\r\r.\r\n\r", b"x" * 100000]))
        else:
            said.append(rng.choice(POP3_WORDS if is_pop3 else SMTP_WORDS) +
                        rng.choice([b" ", b" ", b"", b"\t"]) +
                        rng.choice(words) + rng.choice(ENDS))
    return b"".join(said)


def leave(rng, sock):
    """Closes in one of the ways that there are."""
    way = rng.randrange(4)
    if way == 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
    elif way == 1:
        sock.shutdown(socket.SHUT_WR)
    elif way == 2 and isinstance(sock, ssl.SSLSocket):
        sock.settimeout(0.02)
        sock.unwrap()
    sock.close()


def disturb(office, rng, user):
    port = rng.choice([office.pop3_port, office.pop3s_port, office.smtp_port,
                       office.lmtp_port])
    is_pop3 = port in (office.pop3_port, office.pop3s_port)
    sock = socket.socket()
    try:
        sock.bind((next_source(), 0))
        sock.settimeout(2)
        sock.connect(("127.0.0.1", port))
        if port == office.pop3s_port:
            sock = office.tls_context().wrap_socket(
                sock, server_hostname="localhost")
        data = nonsense(rng, is_pop3, user)
        while data:
            n = rng.choice([1, 5, 50, 500, 5000, 100000])
            sock.sendall(data[:n])
            data = data[n:]
            if rng.random() < 0.2:
                sock.settimeout(0.002)
                try:
                    sock.recv(65536)
                except TimeoutError:
                    pass
                sock.settimeout(2)
            if rng.random() < 0.02:
                break
        leave(rng, sock)
    except (OSError, ValueError):
        pass  # the server hung up, as it may
    finally:
        sock.close()


def worker_fds(office):
    return sum(len(os.listdir(f"/proc/{pid}/fd"))
               for pid in office.pids("worker"))


def test_nonsense_leaves_nothing_behind(office):
    """No process ends, others are served, all descriptors come back."""
    user, other = office.add_account(), office.add_account()
    office.deliver(user, MAIL[0])
    before = worker_fds(office)
    pids = [office.pids(r) for r in ("worker", "auth", "store")]
    end = time.monotonic() + 3

    def many(seed):
        rng = random.Random(seed)
        while time.monotonic() < end:
            disturb(office, rng, user.encode())

    threads = [threading.Thread(target=many, args=(i,)) for i in range(3)]
    for t in threads:
        t.start()
    expected = []
    while time.monotonic() < end:
        expected.append(MAIL[len(expected) % len(MAIL)])
        office.deliver(other, expected[-1])
        assert office.status()["processes"]
        time.sleep(0.2)
    for t in threads:
        t.join()
    assert office.collect(other) == expected
    assert [office.pids(r) for r in ("worker", "auth", "store")] == pids
    patience = time.monotonic() + PATIENCE
    while worker_fds(office) > before:
        assert time.monotonic() < patience, worker_fds(office) - before
        time.sleep(0.1)


# ---- many mailboxes, few descriptors ----

@pytest.mark.skipif(SANITIZED, reason="half a minute of hashing passwords")
def test_store_lives_with_few_descriptors(new_office):
    """
    Logs that nobody uses are closed before the system's limit is reached:
    else the first so many mailboxes are served, and no other.
    """
    office = new_office(start=False)
    plain = office.command
    office.command = lambda *args: ["prlimit", "--nofile=300:300",
                                    *plain(*args)]
    office.set("workers", 1)
    office.start()
    users = office.add_accounts(110)
    for _ in range(2):
        for user in users:
            office.deliver(user, MAIL[0])
    for user in users:
        assert office.collect(user) == [MAIL[0]] * 2
    big = b"Subject: big\r\n\r\n" + (b"x" * 78 + b"\r\n") * 10000
    office.deliver(users[0], big)
    assert len(os.listdir(f"/proc/{office.pids('store')[0]}/fd")) < 250


# ---- many hands ----

def test_many_hands(office):
    """Deliveries and sessions side by side, and a model that knows better."""
    drops = [Maildrop(office.add_account()) for _ in range(3)]
    numbers = collections.deque(range(1000000))
    end = time.monotonic() + 4
    failures = []

    def guarded(work, seed):
        try:
            work(random.Random(seed))
        except (AssertionError, Failure, Closed, OSError) as e:
            failures.append(repr(e)[:2000])

    def collect(rng):
        while time.monotonic() < end:
            one_session(office, rng.choice(drops), rng)

    threads = [threading.Thread(target=guarded, args=(w, i)) for i, w in
               enumerate([lambda r: send_some(office, drops, r, end,
                                              numbers)] * 3 + [collect] * 4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures
    assert sum(len(d.accepted) for d in drops) > 10
    for d in drops:
        one_session(office, d, random.Random(1), wants_all=True)
