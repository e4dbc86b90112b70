"""What is no plain file of ours in the place of one (threat 55): it is not
followed, not waited for, named in the log, and hurts nobody else."""
import glob
import os
import shutil
import socket

import pytest

from post_office import PASSWORD, Closed, Failure, strip_trace

KINDS = ["symlink", "hardlink", "fifo", "device", "folder", "socket"]
BODY = b"Subject: mine\r\n\r\nx\r\n"


def folder_of(office, known):
    """The one mailbox folder that was not there before."""
    found = set(glob.glob(os.path.join(office.dir, "store/??/??/*/1")))
    (new,) = found - known
    return new


def put(kind, path, other):
    if kind == "symlink":
        os.symlink(other, path)
    elif kind == "hardlink":
        os.link(other, path)
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    elif kind == "device":
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero
    elif kind == "folder":
        os.mkdir(path, 0o700)
    else:
        s = socket.socket(socket.AF_UNIX)
        at = os.getcwd()
        os.chdir(os.path.dirname(path))
        try:
            s.bind(os.path.basename(path))
        finally:
            os.chdir(at)
            s.close()


def may_open(office, user):
    try:
        with office.pop3(user) as c:
            return [strip_trace(c.retr(i + 1)) for i in range(c.stat()[0])]
    except (Failure, Closed):
        return None


@pytest.mark.parametrize("name", ["log", "index"])
def test_in_place_of_a_file(new_office, name):
    office = new_office()
    boxes = {}
    other = office.add_account()
    office.deliver(other, b"Subject: secret of another\r\n\r\n")
    theirs = folder_of(office, set())
    known = {theirs}
    for kind in KINDS:
        if kind == "device" and os.geteuid() != 0:
            continue
        user = office.add_account()
        office.deliver(user, BODY)
        boxes[kind] = (user, folder_of(office, known))
        known.add(boxes[kind][1])
    office.stop()
    for kind, (user, box) in boxes.items():
        path = os.path.join(box, name)
        was = os.stat(path)
        os.unlink(path)
        put(kind, path, os.path.join(theirs, name))
        os.chown(path, was.st_uid, was.st_gid, follow_symlinks=False)
    office.start()
    mark = len(office.log())
    for kind, (user, box) in boxes.items():
        got = may_open(office, user)
        # An index is derived: without a good one the log is read.
        want = [BODY] if name == "index" else None
        assert got == want, (kind, got)
        if name == "log":
            office.wait_log(os.path.basename(os.path.dirname(box)), mark)
    # Nobody else notices; a name more makes the other's file suspect too.
    office.stop()
    os.unlink(os.path.join(boxes["hardlink"][1], name))
    office.start()
    assert may_open(office, other) == [b"Subject: secret of another\r\n\r\n"]


def test_in_place_of_a_folder(new_office):
    """An account's folder that leads to another's."""
    office = new_office()
    one, two = office.add_account(), office.add_account()
    office.deliver(one, b"Subject: one\r\n\r\n")
    theirs = folder_of(office, set())
    office.deliver(two, b"Subject: two\r\n\r\n")
    mine = folder_of(office, {theirs})
    office.stop()
    shutil.rmtree(mine)
    os.symlink(theirs, mine)
    office.start()
    assert may_open(office, two) is None
    office.stop()
    os.unlink(mine)
    # The log of another account in one's own folder is no log of one's own.
    shutil.copytree(theirs, mine)
    for top, _, files in os.walk(mine):
        was = os.stat(theirs)
        for path in [top, *[os.path.join(top, f) for f in files]]:
            os.chown(path, was.st_uid, was.st_gid)
    office.start()
    assert may_open(office, two) is None
    assert may_open(office, one) == [b"Subject: one\r\n\r\n"]


def test_nothing_stays_of_a_failed_login(new_office):
    """Once the maildrop can be opened, the same session may do all in it."""
    office = new_office()
    user = office.add_account()
    office.deliver(user, BODY)
    log = os.path.join(folder_of(office, set()), "log")
    office.stop()
    os.rename(log, log + ".away")
    put("socket", log, None)
    office.start()
    with office.pop3() as c:
        c.ask(b"USER " + user.encode(), b"+OK")
        c.ask(b"PASS " + PASSWORD.encode(), b"-ERR [SYS/")
        os.unlink(log)
        os.rename(log + ".away", log)
        c.ask(b"USER " + user.encode(), b"+OK")
        c.ask(b"PASS " + PASSWORD.encode(), b"+OK 1 ")
        c.ask(b"DELE 1", b"+OK")
        c.ask(b"QUIT", b"+OK")
    assert may_open(office, user) == []
