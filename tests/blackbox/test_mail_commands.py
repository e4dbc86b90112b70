"""yubin mail: what is there, octet for octet, and what comes back."""
import json
import mailbox
import os

import pytest

from post_office import strip_trace

BODIES = [
    b"Subject: one\r\nFrom: a@example.net\r\n\r\nfirst\r\n",
    b"Subject: two\r\n\r\n.dot\r\n..two dots\r\nFrom here\r\n>From there\r\n",
    b"Subject: \x1b[31mred\xc2\x9bX \xe2\x80\xae\r\n\r\nescape \x1b]0;x\x07 "
    b"\xff\xfe \xe6\x97\xa5\xe6\x9c\xac\r\n",
    b"Subject: four\r\n\r\n" + b"long line " * 30000 + b"\r\n",
    b"\r\nno header\r\n",
]


def deliver(office, user, bodies):
    with office.lmtp() as c:
        for body in bodies:
            c.send_mail([user], body, b"a@example.net")


def mail(office, what, user, *args, code=0, **more):
    return office.run("mail", what, user, *args, code=code, **more)


def listed(office, user, *args):
    return json.loads(mail(office, "list", user, "--json", *args).stdout)


def delete_by_pop3(office, user, numbers):
    with office.pop3(user) as c:
        for n in numbers:
            c.ask(b"DELE %d" % n, b"+OK")
        c.ask(b"QUIT", b"+OK")


@pytest.mark.parametrize("running", [True, False])
def test_list_show_and_export(office, tmp_path, running):
    user = office.add_account()
    deliver(office, user, BODIES)
    if not running:
        office.stop()
    try:
        rows = listed(office, user)
        assert [r["uid"] for r in rows] == [1, 2, 3, 4, 5]
        assert rows[0]["subject"] == "one"
        assert "\x1b" not in rows[2]["subject"]
        for n, body in enumerate(BODIES, 1):
            for name in (n, rows[n - 1]["uidl"]):
                got = mail(office, "export", user, "-", name,
                           "--eml").stdout
                assert strip_trace(got) == body
                assert len(got) == rows[n - 1]["octets"]
        shown = mail(office, "show", user, 3).stdout
        # Threat 58: nothing that a terminal obeys.
        assert b"\x1b" not in shown and b"\x07" not in shown
        assert b"\xc2\x9b" not in shown and b"\xff" not in shown
        assert b"\\x1b]0;x\\x07" in shown
        assert "日本".encode() in shown
        assert b"\xe2\x80\xae" not in shown
        assert b"first" not in mail(office, "show", user, 1,
                                    "--headers").stdout
        box = str(tmp_path / "box")
        mail(office, "export", user, box)
        got = [m.get_bytes(k) for m in [mailbox.mbox(box)] for k in m.keys()]
        assert len(got) == len(BODIES)
        assert strip_trace(got[1]) == BODIES[1].replace(
            b">From there", b">>From there").replace(
                b"\nFrom here", b"\n>From here")
        assert strip_trace(got[3]) == BODIES[3]
        assert "written over" in mail(office, "export", user, box,
                                      code=1).stderr.decode()
        folder = str(tmp_path / "maildir")
        mail(office, "export", user, folder, "--maildir", "2-3")
        names = sorted(os.listdir(folder + "/new"))
        assert len(names) == 2 and os.listdir(folder + "/tmp") == []
        got = set()
        for name in names:
            with open(os.path.join(folder, "new", name), "rb") as f:
                got.add(strip_trace(f.read()))
        assert got == set(BODIES[1:3])
    finally:
        if not running:
            office.start()


@pytest.mark.parametrize("running", [True, False])
def test_delete_and_undelete(office, running):
    user = office.add_account()
    deliver(office, user, BODIES)
    if not running:
        office.stop()
    try:
        before = listed(office, user)
        assert "give --yes" in mail(office, "delete", user, "2-3",
                                    code=1).stderr.decode()
        done = json.loads(mail(office, "delete", user, "2-3",
                               before[4]["uidl"], "--yes", "--json").stdout)
        assert [d["deleted"] for d in done] == [3]
        gone = listed(office, user, "--deleted")
        assert [r["uid"] for r in gone] == [2, 3, 5]
        assert {r["deleted_by"] for r in gone} == {done[0]["session"]}
        assert [r["uid"] for r in listed(office, user)] == [1, 4]
        # A deleted one can still be looked at, and exported.
        got = mail(office, "export", user, "-", "2", "--eml",
                   "--deleted").stdout
        assert strip_trace(got) == BODIES[1]
        mail(office, "delete", user, "4", "--yes")
        # By session, by uid, by UIDL.
        mail(office, "undelete", user, "--session", "c.1.1", code=1)
        mail(office, "undelete", user, "--session", done[0]["session"], "2")
        rows = listed(office, user)
        assert [r["uid"] for r in rows] == [1, 6]
        # A new uid and the same UIDL.
        assert rows[1]["uidl"] == before[1]["uidl"]
        mail(office, "undelete", user, before[3]["uidl"])
        mail(office, "undelete", user, "--since", "1h")
        rows = listed(office, user)
        assert {r["uidl"] for r in rows} == {r["uidl"] for r in before}
        assert len({r["uid"] for r in rows}) == 5
        assert listed(office, user, "--deleted") == []
        mail(office, "undelete", user, "--all", code=1)
        mail(office, "delete", user, "99", "--yes", code=1)
        mail(office, "undelete", user, "--since", "soon", code=2)
        mail(office, "delete", user, code=2)
    finally:
        if not running:
            office.start()
    # What the mail programs see.
    assert sorted(office.collect(user)) == sorted(BODIES)


def test_a_session_that_deletes_many(office):
    user = office.add_account()
    deliver(office, user, [b"Subject: %d\r\n\r\nx\r\n" % n
                           for n in range(120)])
    mark = len(office.log())
    delete_by_pop3(office, user, range(1, 111))
    office.wait_log("event=mass-delete", mark)
    line = next(x for x in office.log()[mark:].splitlines()
                if "event=mass-delete" in x)
    fields = dict(f.split("=", 1) for f in line.split() if "=" in f)
    assert fields["deleted"] == "110" and fields["account"] == user
    # A later session's deletes are not brought back with them.
    delete_by_pop3(office, user, [1])
    mail(office, "undelete", user, "--session", fields["session"])
    assert len(listed(office, user)) == 119
    with office.pop3(user) as c:
        assert c.stat()[0] == 119


def test_unknown_accounts(office):
    for what in ("list", "undelete"):
        args = ["--all"] if what == "undelete" else []
        done = mail(office, what, "nobody@example.org", *args, code=1)
        assert "no account" in done.stderr.decode()


# ---- compact ----

def log_of(office):
    """The one log that is larger than its header most lately changed."""
    found = []
    for top, _, files in os.walk(os.path.join(office.dir, "store")):
        found += [os.path.join(top, f) for f in files if f == "log"]
    return max(found, key=os.path.getmtime)


@pytest.mark.parametrize("running", [True, False])
def test_compact(new_office, running):
    office = new_office(start=False)
    office.set("undelete_days", 0)
    office.start()
    user = office.add_account()
    bodies = [b"Subject: %d\r\n\r\n" % n + b"x" * 2000 + b"\r\n"
              for n in range(40)]
    deliver(office, user, bodies)
    if not running:
        office.stop()
    mail(office, "delete", user, "1-30", "--yes")
    before = os.path.getsize(log_of(office))
    done = json.loads(office.run("compact", user, "--json").stdout)
    assert done[0]["before"] == before and done[0]["after"] < before / 2
    assert os.path.getsize(log_of(office)) == done[0]["after"]
    # Nothing to do the second time; and the same for all accounts.
    done = json.loads(office.run("compact", "--all", "--json").stdout)
    assert [d["before"] - d["after"] for d in done] == [0]
    mail(office, "delete", user, "--all", "--yes")
    office.run("compact", "--all")
    assert os.path.getsize(log_of(office)) == 128
    office.run("compact", code=2)
    office.run("compact", user, "--all", code=2)
    office.run("compact", "nobody@example.org", code=1)
    if not running:
        office.start()
    deliver(office, user, bodies[:1])
    assert office.collect(user) == bodies[:1]


def test_sessions_go_on_over_a_compaction(new_office):
    office = new_office(start=False)
    office.set("undelete_days", 0)
    office.start()
    user = office.add_account()
    bodies = [b"Subject: %d\r\n\r\nx\r\n" % n for n in range(20)]
    deliver(office, user, bodies)
    with office.pop3(user) as old, office.pop3(user) as unread:
        assert strip_trace(old.retr(20)) == bodies[19]
        delete_by_pop3(office, user, range(1, 11))
        office.run("compact", user)
        delete_by_pop3(office, user, [1])
        office.run("compact", user)
        # I7: what a session sees does not change under it.
        assert strip_trace(old.retr(1)) == bodies[0]
        assert strip_trace(unread.retr(11)) == bodies[10]
        old.ask(b"DELE 20", b"+OK")
        old.ask(b"QUIT", b"+OK")
    assert office.collect(user) == bodies[11:19]


# ---- fsck ----

@pytest.mark.parametrize("running", [True, False])
def test_fsck(new_office, tmp_path, running):
    office = new_office()
    user = office.add_account()
    bodies = [b"Subject: %d\r\n\r\nbody of %d\r\n" % (n, n) for n in range(9)]
    deliver(office, user, bodies)
    if not running:
        office.stop()
    found = json.loads(office.run("fsck", user, "--json").stdout)
    assert found[0]["messages"] == 9 and found[0]["faults"] == []
    path = log_of(office)
    with open(path, "r+b") as f:
        log = f.read()
        at = log.index(b"body of 4")
        f.seek(at)
        f.write(b"B")
    done = office.run("fsck", "--all", code=1)
    assert b"message 5 is damaged" in done.stdout
    fault = json.loads(office.run("fsck", user, "--json",
                                  code=1).stdout)[0]["faults"][0]
    assert fault["from"] < at < fault["to"] and fault["uid"] == 5
    office.run("fsck", user, "--repair")
    aside = [f for f in os.listdir(os.path.dirname(path))
             if f.startswith("damaged.")]
    assert len(aside) == 1
    with open(os.path.join(os.path.dirname(path), aside[0]), "rb") as f:
        assert b"Body of 4" in f.read()
    office.run("fsck", "--all", "--slowly")
    folder = str(tmp_path / "aside")
    mail(office, "export", user, folder, "--damaged")
    with open(os.path.join(folder, aside[0] + ".eml"), "rb") as f:
        text = f.read()
    assert b"Subject: 4\r\n\r\nBody of 4\r\n.\r\n" in text
    assert b"Return-Path" in text[:20]
    if not running:
        office.start()
    # Every other message is there, and mail goes on.
    assert office.collect(user) == bodies[:4] + bodies[5:]
    deliver(office, user, bodies[:1])
    assert [r["uid"] for r in listed(office, user)][-1] == 10


def test_fsck_of_a_lost_header(new_office):
    office = new_office()
    user = office.add_account()
    deliver(office, user, BODIES[:1])
    office.stop()
    with open(log_of(office), "r+b") as f:
        f.seek(40)
        f.write(b"XXXX")
    done = office.run("fsck", user, code=1)
    assert b"header" in done.stderr and b"mailbox" in done.stderr


def test_quota(office):
    user = office.add_account()
    office.run("account", "set", user, "quota_messages=2")
    deliver(office, user, BODIES[:2])
    with office.lmtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
        c.smtp_ask(b"DATA", b"354")
        c.say(b"x\r\n.\r\n")
        assert c.reply()[-1].startswith(b"452 4.2.2")
    # What was deleted leaves room at once.
    delete_by_pop3(office, user, [1])
    deliver(office, user, BODIES[:1])
    office.run("account", "set", user, "quota_octets=100",
               "quota_messages=0")
    with office.lmtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        c.smtp_ask(b"RCPT TO:<" + user.encode() + b">")
        c.smtp_ask(b"DATA", b"354")
        c.say(b"x" * 200 + b"\r\n.\r\n")
        assert c.reply()[-1].startswith(b"552 5.2.2")
