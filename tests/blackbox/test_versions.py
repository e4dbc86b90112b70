"""Store, directory and configuration of the first release open for ever; what
a newer program wrote is refused with words that help."""
import hashlib
import json
import os
import pwd
import re
import shutil
import sqlite3
import tarfile

import pytest

from post_office import ROOT, Failure

RELEASE = os.path.join(ROOT, "tests/data/first-release.tar.gz")


@pytest.fixture
def old_office(new_office):
    """An office with the files of the first release, not yet started."""
    office = new_office(start=False)
    owners = {}
    for name in ("store", "auth"):
        path = os.path.join(office.dir, name)
        st = os.stat(path)
        owners[name] = st.st_uid, st.st_gid
        shutil.rmtree(path)
    with tarfile.open(RELEASE) as tar:
        tar.extractall(office.dir)
    for name, (uid, gid) in owners.items():
        for top, _, files in os.walk(os.path.join(office.dir, name)):
            for path in (top, *(os.path.join(top, f) for f in files)):
                os.chown(path, uid, gid)
    with open(office.config, encoding="utf-8") as f:
        text = f.read()
    with open(office.config, "w", encoding="utf-8") as f:
        f.write(re.sub(r":31(\d\d\d)\"",
                       lambda m: f":{office.base + int(m.group(1))}\"", text))
    return office


def test_the_first_release_opens(old_office):
    office = old_office
    office.run("check")
    office.start()
    office.wait_log(r"event=migrated msg=.*directory.db was brought from "
                    r"version 1 to \d+")
    with open(os.path.join(office.dir, "expected.json"),
              encoding="utf-8") as f:
        expected = json.load(f)
    for address, messages in expected.items():
        with office.pop3(address) as c:
            assert [u.decode() for u in c.uidl()] == \
                [m["uidl"] for m in messages]
            for n, m in enumerate(messages, 1):
                assert hashlib.sha256(c.retr(n)).hexdigest() == m["sha256"]
            c.ask(b"QUIT")
        office.deliver(address, b"Subject: new\r\n\r\n")
    # One step, told once.
    since = len(office.log())
    office.restart()
    assert "event=migrated" not in office.log()[since:]
    for address, messages in expected.items():
        with office.pop3(address) as c:
            assert c.stat()[0] == len(messages) + 1


def refuses_to_start(office, *words):
    with pytest.raises(Failure, match="serve ended with") as e:
        office.start()
    for word in words:
        assert word in str(e.value)
    office.proc = None
    office.checked = len(office.log())  # what it said was looked at here


def test_a_newer_directory_is_refused(new_office):
    office = new_office(start=False)
    user = office.add_account()
    path = os.path.join(office.dir, "auth/directory.db")
    with sqlite3.connect(path) as db:
        known = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute("PRAGMA user_version = 99")
    db.close()
    if os.geteuid() == 0:
        for name in os.listdir(os.path.dirname(path)):
            shutil.chown(os.path.join(os.path.dirname(path), name),
                         pwd.getpwuid(os.stat(path).st_uid).pw_name)
    refuses_to_start(office, f"{path} is of version 99 and this program knows "
                     f"{known}: use the version of Yubin that wrote it")
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {known}")
    db.close()
    office.start()
    office.pop3(user).close()


def test_a_newer_configuration_is_refused(new_office):
    office = new_office(start=False)
    office.set("config_version", 99)
    done = office.run("check", code=10)
    assert b"\"99\" is of a newer Yubin: this program knows 1" in done.stderr
    refuses_to_start(office, f"{office.config}:", "newer Yubin")


def test_a_newer_log_is_refused(new_office):
    """Its mailbox is not opened, and not changed; others go on."""
    office = new_office()
    old, new = office.add_account(), office.add_account()
    for user in (old, new):
        office.deliver(user, b"Subject: x\r\n\r\n")
    office.stop()
    account = json.loads(office.run("account", "show", new,
                                    "--json").stdout)["id"]
    log = os.path.join(office.dir, "store", account[:2], account[2:4],
                       account, "1/log")
    with open(log, "r+b") as f:
        head = bytearray(f.read(128))
        head[8:10] = (2).to_bytes(2, "little")
        head[120:128] = xxh3(bytes(head[:120]))
        f.seek(0)
        f.write(head)
    before = os.stat(log)
    office.start()
    with office.pop3(old, tls=False) as c:
        assert c.stat()[0] == 1
    with pytest.raises(Failure, match="SYS"):
        office.pop3(new)
    office.wait_log("the log is of format 2 and this program knows 1: use the "
                    "version of Yubin that wrote it")
    assert os.stat(log).st_size == before.st_size
    with open(log, "rb") as f:
        assert f.read(128) == bytes(head)


def xxh3(octets):
    """XXH3-64 without a seed, by the library that the store uses."""
    import ctypes
    lib = ctypes.CDLL("libxxhash.so.0")
    lib.XXH3_64bits.restype = ctypes.c_uint64
    lib.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return lib.XXH3_64bits(octets, len(octets)).to_bytes(8, "little")
