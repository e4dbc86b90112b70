"""Backups made beside the running server, and what comes back out of them."""
import json
import os
import shutil
import subprocess
import threading
import time

import pytest

from post_office import PASSWORD, Failure, strip_trace


def body(n, size=3):
    return (b"Subject: m%d\r\n\r\n" % n + b"line %d\r\n.dot\r\n" % n * size)


@pytest.fixture
def dest(office):
    return os.path.join(office.folder, f"backup-{time.monotonic_ns()}")


def backup(office, dest, code=0):
    """Runs are named by the second."""
    while True:
        done = office.run("backup", dest, "--json", code=None)
        if b"this second already" not in done.stderr:
            break
        time.sleep(0.2)
    assert done.returncode == code, done
    return json.loads(done.stdout)


def fill(office, user, numbers):
    for n in numbers:
        office.deliver(user, body(n))


def look(office, user):
    """UIDL: octets of each message."""
    with office.pop3(user) as c:
        uidls = c.uidl()
        return {u: strip_trace(c.retr(i + 1)) for i, u in enumerate(uidls)}


def delete(office, user, which):
    with office.pop3(user) as c:
        for i in which:
            c.ask(b"DELE %d" % i)
        c.ask(b"QUIT")


def verify(office, dest, code=0, *more):
    done = office.run("backup", "--verify", dest, "--json", *more, code=code)
    return json.loads(done.stdout) if code == 0 else done.stderr.decode()


def test_what_is_new_is_copied(office, user, dest):
    fill(office, user, range(5))
    first = backup(office, dest)
    assert first["copied"] == first["octets"] > 0
    again = backup(office, dest)
    assert again["copied"] == 0 and again["octets"] == first["octets"]
    fill(office, user, range(5, 7))
    third = backup(office, dest)
    assert 0 < third["copied"] < 3000
    assert third["octets"] == first["octets"] + third["copied"]
    for run in (first, again, third):
        assert verify(office, dest, 0, "--run", run["run"])["wrong"] == 0
    listed = json.loads(office.run("backup", "--list", dest,
                                   "--json").stdout)
    assert listed == [first["run"], again["run"], third["run"]]


def test_lost_messages_come_back_with_their_uidls(office, user, dest):
    fill(office, user, range(6))
    before = look(office, user)
    backup(office, dest)
    delete(office, user, [1, 3, 5])
    fill(office, user, [100])
    kept = look(office, user)
    assert len(kept) == 4
    done = json.loads(office.run("restore", dest, user, "--json").stdout)
    assert (done["restored"], done["present"]) == (3, 3)
    after = look(office, user)
    assert after == {**before, **kept}
    # Once more changes nothing.
    done = json.loads(office.run("restore", dest, user, "--json").stdout)
    assert (done["restored"], done["present"]) == (0, 6)
    assert look(office, user) == after


def test_one_message(office, user, dest):
    fill(office, user, range(4))
    before = look(office, user)
    backup(office, dest)
    delete(office, user, [1, 2, 3, 4])
    uidl = sorted(before)[2]
    office.run("restore", dest, user, uidl.decode())
    assert look(office, user) == {uidl: before[uidl]}
    done = office.run("restore", dest, user, "a" * 26, code=1)
    assert b"has not all" in done.stderr


def test_as_of_a_time(office, user, dest):
    fill(office, user, range(2))
    time.sleep(1.1)
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    early = look(office, user)
    time.sleep(1.1)
    fill(office, user, range(2, 4))
    delete(office, user, [1, 2])
    backup(office, dest)
    late = look(office, user)
    assert not set(early) & set(late)
    office.run("restore", dest, user, "--until", then)
    assert look(office, user) == {**early, **late}


def test_after_the_store_is_lost(new_office, tmp_path):
    """A mailbox that is made anew: its UIDVALIDITY changes."""
    office = new_office()
    user = office.add_account()
    dest = os.path.join(office.folder, "backup")
    fill(office, user, range(3))
    before = look(office, user)
    backup(office, dest)
    office.stop()
    for name in os.listdir(os.path.join(office.dir, "store")):
        if len(name) == 2:
            shutil.rmtree(os.path.join(office.dir, "store", name))
    office.start()
    assert look(office, user) == {}
    fill(office, user, [50])
    office.run("restore", dest, user)
    assert {k: v for k, v in look(office, user).items()
            if k in before} == before


def uidvalidities(office):
    found = set()
    for top, _, files in os.walk(os.path.join(office.dir, "store")):
        for name in files:
            if name == "log":
                with open(os.path.join(top, name), "rb") as f:
                    found.add(int.from_bytes(f.read(32)[28:32], "little"))
    return found


def test_everything_into_nothing(new_office):
    old = new_office()
    users = [old.add_account() for _ in range(3)]
    for i, u in enumerate(users):
        fill(old, u, range(10 * i, 10 * i + 4))
    delete(old, users[0], [2])
    dest = os.path.join(old.folder, "backup")
    backup(old, dest)
    mail = {u: look(old, u) for u in users}
    validities = uidvalidities(old)
    old.stop()
    # Never over what is there.
    done = old.run("restore", dest, "--all", code=1)
    assert b"without mail and accounts" in done.stderr
    new = new_office(start=False)
    new.run("restore", dest, "--all")
    assert not uidvalidities(new) & validities
    new.start()
    assert {u: look(new, u) for u in users} == mail  # passwords too
    new.deliver(users[1], body(99))
    assert len(look(new, users[1])) == 5


def test_an_account_that_was_removed(office, dest):
    """It comes back with password, devices and settings, and its mail."""
    user = office.add_account()
    made = office.run("account", "app-password", "add", user, "phone",
                      "--no-delete").stdout.decode().split()
    device = max(made, key=len)
    office.run("account", "set", user, "quota_messages=50")
    fill(office, user, range(3))
    before = look(office, user)
    backup(office, dest)
    office.run("account", "remove", user, "--yes")
    with office.pop3() as c:
        c.ask(b"USER " + user.encode())
        c.ask(b"PASS " + PASSWORD.encode(), b"-ERR")
    done = json.loads(office.run("restore", dest, user, "--json").stdout)
    assert done["account"] and done["restored"] == 3
    assert look(office, user) == before
    with office.pop3(user, device) as c:
        c.ask(b"DELE 1", b"-ERR")
    shown = json.loads(office.run("account", "show", user, "--json").stdout)
    assert shown["settings"] == {"quota_messages": "50"}


def test_no_restore_under_a_running_server(office, user, dest):
    fill(office, user, [1])
    backup(office, dest)
    done = office.run("restore", dest, "--all", code=12)
    assert b"stop it first" in done.stderr


def test_while_mail_comes_and_goes(office, dest):
    """Each run is whole, whatever happens meanwhile."""
    users = [office.add_account() for _ in range(3)]
    over = threading.Event()
    wrong = []

    def work(u):
        n = 0
        try:
            while not over.is_set():
                n += 1
                office.deliver(u, body(n, 50))
                if n % 5 == 0:
                    delete(office, u, [1, 2])
        except (OSError, Failure) as e:
            wrong.append(repr(e))

    threads = [threading.Thread(target=work, args=(u,)) for u in users]
    for t in threads:
        t.start()
    try:
        runs = []
        for _ in range(3):
            runs.append(backup(office, dest)["run"])
            time.sleep(0.7)
    finally:
        over.set()
        for t in threads:
            t.join()
    assert not wrong, wrong
    for run in runs:
        assert verify(office, dest, 0, "--run", run)["wrong"] == 0


def copies(dest):
    return [os.path.join(top, name)
            for top, _, files in os.walk(os.path.join(dest, "logs"))
            for name in files]


def test_a_damaged_backup_is_found(office, dest):
    user = office.add_account()
    fill(office, user, range(3))
    run = backup(office, dest)["run"]
    mine = []
    with open(os.path.join(dest, "runs", run, "list"), encoding="utf-8") as f:
        mine = [line.split()[0] for line in f if line.endswith(f"{user}\n")]
    path = next(p for p in copies(dest) if mine[0] in p)
    with open(path, "r+b") as f:
        f.seek(128 + 96 + 40)
        octet = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([octet[0] ^ 1]))
    assert user in verify(office, dest, 1)
    # The list itself has a sum.
    with open(os.path.join(dest, "runs", run, "list"), "r+b") as f:
        f.seek(30)
        octet = f.read(1)
        f.seek(30)
        f.write(bytes([octet[0] ^ 1]))
    assert "damaged" in verify(office, dest, 1)


def test_an_interrupted_run_does_not_count(office, user, dest):
    fill(office, user, range(3))
    backup(office, dest)
    # What a run leaves that was killed: longer copies, a folder "new".
    for path in copies(dest):
        with open(path, "ab") as f:
            f.write(b"half a record")
    os.makedirs(os.path.join(dest, "runs/new"))
    with open(os.path.join(dest, "runs/new/directory.db"), "wb") as f:
        f.write(b"x")
    fill(office, user, [9])
    backup(office, dest)
    assert verify(office, dest)["wrong"] == 0
    assert len(os.listdir(os.path.join(dest, "runs"))) == 2


@pytest.mark.parametrize("what", ["file", "folder", "missing", "no-account"])
def test_wrong_places(office, user, tmp_path, what):
    path = tmp_path / "x"
    if what == "file":
        path.write_text("hello")
        done = office.run("backup", path, code=None)
        assert done.returncode == 1 and str(path).encode() in done.stderr
    elif what == "folder":
        path.mkdir()
        (path / "mine").write_text("hello")
        done = office.run("backup", path, code=None)
        assert b"is no backup, and not empty" in done.stderr
        assert os.listdir(path) == ["mine"]
    elif what == "missing":
        done = office.run("restore", path, user, code=None)
        assert done.returncode == 1 and str(path).encode() in done.stderr
    else:
        fill(office, user, [1])
        backup(office, path)
        done = office.run("restore", path, "nobody@example.org", code=1)
        assert b"no mail of nobody@example.org" in done.stderr


def test_without_a_server(new_office):
    office = new_office()
    user = office.add_account()
    fill(office, user, range(3))
    before = look(office, user)
    office.stop()
    dest = os.path.join(office.folder, "backup")
    backup(office, dest)
    office.run("mail", "delete", user, "--all", "--yes")
    office.run("restore", dest, user)
    office.start()
    assert look(office, user) == before


def test_a_store_put_back_to_an_earlier_day(new_office):
    """What later runs copied stays, though the logs go on otherwise."""
    office = new_office()
    user = office.add_account()
    dest = os.path.join(office.folder, "backup")
    store = os.path.join(office.dir, "store")
    fill(office, user, range(3))
    runs = [backup(office, dest)["run"]]
    office.stop()
    subprocess.run(["cp", "-a", store, store + ".old"], check=True)
    office.start()
    fill(office, user, range(10, 14))
    later = look(office, user)
    runs.append(backup(office, dest)["run"])
    office.stop()
    shutil.rmtree(store)
    shutil.move(store + ".old", store)
    office.start()
    fill(office, user, range(20, 30))  # beyond the end that was copied
    runs.append(backup(office, dest)["run"])
    newest = look(office, user)
    for run in runs:
        assert verify(office, dest, 0, "--run", run)["wrong"] == 0
    for run, mail in ((runs[1], later), (runs[2], newest)):
        delete(office, user, range(1, len(look(office, user)) + 1))
        office.run("restore", dest, user, "--run", run)
        restored = look(office, user)
        assert set(restored.values()) == set(mail.values())
        assert len(restored) == len(mail)


def test_the_next_run_after_a_damaged_list(office, dest):
    user = office.add_account()
    fill(office, user, range(3))
    first = backup(office, dest)
    with open(os.path.join(dest, "runs", first["run"], "list"), "r+b") as f:
        f.truncate(60)
    done = office.run("backup", dest, "--json", code=None)
    while b"this second already" in done.stderr:
        time.sleep(0.2)
        done = office.run("backup", dest, "--json", code=None)
    assert done.returncode == 0, done
    assert b"is damaged" in done.stderr
    again = json.loads(done.stdout)
    assert again["copied"] == 0 and again["octets"] == first["octets"]
    assert verify(office, dest, 0, "--run", again["run"])["wrong"] == 0
