"""`yubin reload` and SIGHUP: what changes, what stays, what is refused."""
import json
import os
import re
import signal
import socket

import pytest

from certificates import make_certificate
from post_office import Line
from test_certificates import seen


def reload(office, code=0):
    done = office.run("reload", "--json", code=code)
    return json.loads(done.stdout)


def write(office, text):
    with open(office.config, "w", encoding="utf-8") as f:
        f.write(text)


def read(office):
    with open(office.config, encoding="utf-8") as f:
        return f.read()


def test_a_broken_file_changes_nothing(new_office):
    office = new_office()
    good = read(office)
    before = office.status()
    write(office, good + "\nhostnam: x\nworkers: many\n")
    got = reload(office, 10)
    assert [p["column"] for p in got["problems"]] == [1, 10]
    assert 'did you mean "hostname"' in got["problems"][0]["text"]
    assert not got["reloaded"]
    done = office.run("reload", code=10)
    line = good.count("\n") + 2
    assert f"{office.config}:{line}:1: unknown key".encode() in done.stderr
    # By signal the log says it, with the place.
    since = len(office.log())
    office.proc.send_signal(signal.SIGHUP)
    office.wait_log(rf'event=reload msg=".*:{line}:1: unknown key', since)
    office.wait_log("event=reloaded number=1 .*err=", since)
    # What can be read but not be used: a key of another certificate.
    other = make_certificate(office.folder, "other")
    write(office, re.sub(r"(?m)^#?tls:\n", "tls:\n  key: " + other[1] + "\n",
                         good, count=1))
    got = reload(office, 10)
    assert other[1] in got["problems"][0]["text"]
    # An address that somebody else has.
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        write(office, good.replace(f"127.0.0.1:{office.smtp_port}\"",
                                   f"127.0.0.1:{port}\""))
        got = reload(office, 12)
        assert f"127.0.0.1:{port}" in got["problems"][0]["text"]
    write(office, good)
    after = office.status()
    assert [p["pid"] for p in before["processes"]] == \
        [p["pid"] for p in after["processes"]]
    assert before["listeners"] == after["listeners"]
    assert reload(office)["number"] == 2
    office.smtp().close()


def test_certificates_are_renewed_in_place(new_office):
    """New sessions get the new one, though the YAML is as it was; a session
    that has begun goes on, and its STLS is that of its beginning."""
    office = new_office()
    user = office.add_account()
    with office.pop3(user, tls=True) as old, office.pop3() as clear:
        assert reload(office)["changed"] == []
        folder = os.path.join(office.dir, "tls")
        pem, key = make_certificate(folder, "new", "renewed.example.org",
                                    kind="rsa")
        os.rename(pem, os.path.join(folder, "server.pem"))
        os.rename(key, os.path.join(folder, "server.key"))
        if os.geteuid() == 0:
            os.chmod(os.path.join(folder, "server.pem"), 0o644)
        got = reload(office)
        assert len(got["changed"]) == 1 and "server.pem" in got["changed"][0]
        assert got["number"] == 3 and not got["needs_restart"]
        for _ in range(4):  # every worker
            assert seen(office, "x")[0] == ["renewed.example.org"]
            assert seen(office, "x", False)[0] == ["renewed.example.org"]
        assert old.stat() == (0, 0)
        old.ask(b"QUIT")
        clear.ask(b"STLS")
        clear.starttls(office.tls_context())  # trusts the old one only
        clear.ask(b"CAPA")
    # A worker that dies comes back with what is new.
    office.expects_deaths = True
    for pid in office.pids("worker"):
        office.kill(pid)
    office.wait_all_ready()
    assert seen(office, "x")[0] == ["renewed.example.org"]


def test_settings_count_for_new_sessions(new_office):
    office = new_office()
    office.add_account()
    with office.smtp() as old:
        text = read(office)
        write(office, text.replace("hostname: localhost",
                                   "hostname: new.example.org")
              + "\nmessage_size_max: 100K\nworkers: 3\n")
        write(office, re.sub(r"(?m)^#message_size_max.*\n|^#workers.*\n", "",
                             read(office)))
        got = reload(office)
        assert sorted(got["changed"]) == ["hostname", "message_size_max"]
        assert got["needs_restart"] == ["workers"]
        old.say(b"EHLO x\r\n")
        assert b"SIZE 52428800" in b" ".join(old.reply(b"250"))
    with Line(("127.0.0.1", office.smtp_port)) as c:
        assert b"new.example.org" in c.expect(b"220")
        c.say(b"EHLO x\r\n")
        assert b"SIZE 102400" in b" ".join(c.reply(b"250"))
    # What waits for a restart is told until it was done.
    assert reload(office)["needs_restart"] == ["workers"]
    office.restart()
    assert len(office.pids("worker")) == 3
    assert reload(office)["needs_restart"] == []


def test_listeners_come_and_go(new_office):
    office = new_office(start=False)
    with_metrics = re.search(r"(?m)^  metrics: .*\n", read(office)).group()
    write(office, read(office).replace(with_metrics, ""))
    office.start()
    user = office.add_account()
    text = read(office)
    other = f"127.0.0.9:{office.pop3_port}"
    old = f"127.0.0.1:{office.pop3_port}"
    with office.pop3(user) as session:
        write(office, text.replace(f'"{old}"', f'"{other}"'))
        got = reload(office)
        assert sorted(got["changed"]) == [f"listeners.pop3: {old} removed",
                                          f"listeners.pop3: {other} added"]
        with pytest.raises(ConnectionRefusedError):
            Line(("127.0.0.1", office.pop3_port))
        with Line(("127.0.0.9", office.pop3_port)) as c:
            c.expect(b"+OK")
            c.ask(b"USER " + user.encode())
            c.ask(b"PASS secret")
        assert session.stat() == (0, 0)  # goes on
        assert {"service": "pop3", "address": other, "tls": "starttls"} in \
            office.status()["listeners"]
    # The Unix socket goes, its file too, and comes back; metrics begin.
    text = read(office)
    path = office.lmtp_socket
    write(office, re.sub(r"(lmtp: \{address: \[)\S+, ", r"\1", text))
    assert any("lmtp removed" in c for c in reload(office)["changed"])
    assert not os.path.exists(path)
    port = int(re.search(r":(\d+)\"", with_metrics).group(1))
    write(office, text.replace("listeners:\n", "listeners:\n" + with_metrics))
    got = reload(office)
    assert len(got["changed"]) == 2, got
    office.lmtp(unix=True).close()
    office.wait_all_ready()
    assert len(office.pids("metrics")) == 1
    with Line(("127.0.0.1", port)) as c:
        c.say(b"GET /livez HTTP/1.0\r\n\r\n")
        assert b"200" in c.line()
    office.deliver(user, b"Subject: x\r\n\r\n")


def test_log_is_opened_anew(new_office):
    office = new_office(start=False)
    path = os.path.join(office.dir, "yubin.log")
    office.set("log", path)
    office.start(log_path=path)
    os.rename(path, path + ".1")
    reload(office)
    office.pop3().close()
    office.wait_log("event=session")  # a worker's line in the new file
    office.wait_log("event=reloaded number=2")
    with open(path + ".1", encoding="utf-8") as f:
        assert "event=ready" in f.read()


def test_many_reloads_under_load(new_office):
    """Sessions come and go meanwhile; none of them notices."""
    office = new_office()
    user = office.add_account()
    office.deliver(user, b"Subject: x\r\n\r\nbody\r\n")
    for n in range(6):
        with office.pop3(user, tls=n % 2 == 1) as c:
            office.proc.send_signal(signal.SIGHUP)
            office.proc.send_signal(signal.SIGHUP)
            assert c.retr(1).endswith(b"body\r\n")
            c.ask(b"QUIT")
    office.wait_log("event=reloaded")
    for pid in office.pids("worker"):
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            assert "State:\tZ" not in f.read()


def test_nobody_runs(new_office):
    office = new_office(start=False)
    office.run("reload", code=11)
