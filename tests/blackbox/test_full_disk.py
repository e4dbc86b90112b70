"""I8 on a real, small file system: full, out of inodes, well again."""
import os
import shutil
import subprocess
import time

import pytest

from post_office import PATIENCE, strip_trace

BODY = b"Subject: x\r\n\r\n" + b"0123456789abcdef" * 16384 + b"\r\n"


def sh(*args):
    return subprocess.run(args, capture_output=True, timeout=60).returncode


@pytest.fixture
def small(new_office, tmp_path):
    """Makes a server whose store has a file system of its own."""
    mounted = []

    def make(*options, days=7):
        if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
            pytest.skip("needs root and mkfs.ext4")
        office = new_office(start=False)
        store = os.path.join(office.dir, "store")
        image = str(tmp_path / "image")
        with open(image, "wb") as f:
            f.truncate(24 << 20)
        assert sh("mkfs.ext4", "-q", "-m", "0", *options, image) == 0
        was = os.stat(store)
        if sh("mount", "-o", "loop", image, store) != 0:
            pytest.skip("cannot mount a loop device here")
        mounted.append((office, store))
        os.chown(store, was.st_uid, was.st_gid)
        os.chmod(store, 0o700)
        office.set("ballast", "2M")
        office.set("undelete_days", days)
        office.start()
        return office, store

    yield make
    for office, store in mounted:
        office.stop()
        sh("umount", store)


def try_mail(office, user, body=BODY):
    """The last reply to a delivery."""
    with office.lmtp() as c:
        c.say(b"MAIL FROM:<a@example.net>\r\nRCPT TO:<" + user.encode() +
              b">\r\nDATA\r\n")
        assert c.reply()[-1].startswith(b"250")
        answer = c.reply()[-1]
        if not answer.startswith(b"250"):
            return answer
        answer = c.reply()[-1]
        if not answer.startswith(b"354"):
            return answer
        c.say(body + b".\r\n")
        return c.reply()[-1]


def fill(office, user):
    n = 0
    while True:
        answer = try_mail(office, user)
        if not answer.startswith(b"250"):
            assert answer.startswith(b"452"), answer
            return n
        n += 1
        assert n < 200


def wait_taken(office, user):
    end = time.monotonic() + PATIENCE
    while not try_mail(office, user, b"Subject: s\r\n\r\nx\r\n").startswith(
            b"250"):
        assert time.monotonic() < end
        time.sleep(0.2)


def eat(path):
    """Every octet that is left."""
    with open(path, "wb", buffering=0) as f:
        for step in (1 << 20, 4096, 1):
            while True:
                try:
                    f.write(b"x" * step)
                except OSError:
                    break


def test_full(small):
    office, store = small()
    user, other = office.add_account(), office.add_account()
    n = fill(office, user)
    assert n > 20
    eat(os.path.join(store, "filler"))
    assert try_mail(office, other, b"x\r\n").startswith(b"45")
    with office.pop3(user) as c:
        assert c.stat()[0] == n
        assert strip_trace(c.retr(n)) == BODY
        for i in range(1, 4):
            c.ask(b"DELE %d" % i, b"+OK")
        c.ask(b"QUIT", b"+OK")  # deleting always works
    with office.pop3(user) as c:
        assert c.stat()[0] == n - 3
    os.remove(os.path.join(store, "filler"))
    wait_taken(office, other)
    office.restart()
    with office.pop3(user) as c:
        assert c.stat()[0] == n - 3


def test_space_of_deleted_mail_comes_back(small):
    office, _ = small(days=0)
    user = office.add_account()
    n = fill(office, user)
    with office.pop3(user) as c:
        for i in range(1, n - 1):
            c.ask(b"DELE %d" % i, b"+OK")
        c.ask(b"QUIT", b"+OK")
    wait_taken(office, user)
    end = time.monotonic() + PATIENCE
    while fill(office, user) < n - 10:
        assert time.monotonic() < end
        time.sleep(1)


def test_out_of_inodes(small):
    office, store = small("-N", "64")
    user = office.add_account()
    assert try_mail(office, user).startswith(b"250")
    n = 0
    while True:
        try:
            os.close(os.open(f"{store}/filler-{n}", os.O_CREAT | os.O_WRONLY))
        except OSError:
            break
        n += 1
    other = office.add_account()
    assert try_mail(office, other).startswith(b"452")
    # A mailbox that is there goes on.
    assert try_mail(office, user).startswith(b"250")
    for i in range(n):
        os.remove(f"{store}/filler-{i}")
    wait_taken(office, other)


def kernel_errors(store):
    """Where the kernel takes an error of this file system to be planted."""
    device = subprocess.run(["findmnt", "-no", "SOURCE", store],
                            capture_output=True, timeout=60).stdout.decode()
    return ("/sys/fs/ext4/" + os.path.basename(device.strip()) +
            "/trigger_fs_error")


def test_read_only(small):
    """The kernel gives the disk up: reading goes on, nothing is promised."""
    office, store = small("-e", "remount-ro")
    user = office.add_account()
    assert try_mail(office, user).startswith(b"250")
    where = kernel_errors(store)
    if not os.access(where, os.W_OK):
        pytest.skip("this kernel cannot plant an error")
    with office.pop3(user) as c:
        with open(where, "w", encoding="ascii") as f:
            f.write("planted\n")
        answer = try_mail(office, user)
        assert answer[:2] in (b"45", b"42"), answer
        assert strip_trace(c.retr(1)) == BODY
        c.ask(b"DELE 1")
        c.ask(b"QUIT", b"-ERR [SYS/")
    # Deletes are all or none: here none; and who comes anew can read.
    with office.pop3(user) as c:
        assert c.stat()[0] == 1
        assert strip_trace(c.retr(1)) == BODY
    assert try_mail(office, user)[:1] == b"4"
    assert office.pids("store")
