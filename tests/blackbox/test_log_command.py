"""yubin log: files with what was rotated, the journal, filters, following."""
import gzip
import json
import os
import subprocess
import time

import pytest

from post_office import PATIENCE, environment


def line(n, more=""):
    return (f"ts=2026-11-{n:02}T10:00:00.000Z level=info proc=worker-0 "
            f"event=session session=w0.1.{n:x}{more}\n")


@pytest.fixture
def desk(new_office):
    """A server that does not run, and its log with a past."""
    office = new_office(start=False)
    office.path = os.path.join(office.dir, "yubin.log")
    office.set("log", office.path)
    with gzip.open(office.path + ".2.gz", "wt") as f:
        f.write(line(1) + line(2))
    with open(office.path + ".1", "w") as f:
        f.write(line(3, " account=alice@example.org") +
                line(4, " account=bob@example.org peer=192.0.2.7"))
    with open(office.path, "w") as f:
        f.write(line(5) + line(6, " msg=last").replace("info", "error"))
    # Not of this log.
    for other in ("yubin.log.old", "yubin.log1", "yubin.logs.1"):
        with open(os.path.join(office.dir, other), "w") as f:
            f.write("other=file\n")
    for age, name in enumerate(("", ".1", ".2.gz")):
        at = time.time() - age * 86400
        os.utime(office.path + name, (at, at))
    return office


def lines(office, *args):
    return office.run("log", *args).stdout.decode().splitlines()


def test_all_of_it_in_order(desk):
    got = lines(desk)
    assert [x.split("session=")[1].split()[0] for x in got] == [
        f"w0.1.{n}" for n in range(1, 7)]


@pytest.mark.parametrize("args, want", [
    (("--session", "w0.1.2"), "2"),
    (("--account", "Alice@Example.org"), "3"),
    (("--address", "192.0.2.7"), "4"),
    (("--level", "warn"), "6"),
    (("--since", "2026-11-05Z"), "56"),
    (("-n", "2"), "56"),
    (("-n", "1", "--level", "info"), "6"),
    (("-n", "0"), ""),
    (("--since", "2026-11-02T00:00:00Z", "-n", "2", "--account",
      "bob@example.org"), "4"),
])
def test_filters(desk, args, want):
    # All files are new enough for what is asked for.
    for name in ("", ".1", ".2.gz"):
        os.utime(desk.path + name)
    assert {x.split("session=")[1].split()[0][-1] for x in
            lines(desk, *args)} == set(want)


def test_json(desk):
    got = [json.loads(x) for x in lines(desk, "--json")]
    assert got[-1] == {"ts": "2026-11-06T10:00:00.000Z", "level": "error",
                       "proc": "worker-0", "event": "session",
                       "session": "w0.1.6", "msg": "last"}


def test_what_is_asked_wrongly(desk):
    for args in (("--level", "loud"), ("--since", "soon"), ("-n", "x"),
                 ("extra",)):
        desk.run("log", *args, code=2)
    os.remove(desk.path)
    done = desk.run("log", code=1)
    assert b"has the server been started" in done.stderr


def test_follow_over_rotation(desk):
    p = subprocess.Popen(desk.command("log", "-c", desk.config, "-f", "-n",
                                      "1"), env=environment(),
                         stdout=subprocess.PIPE)
    try:
        assert b"w0.1.6" in p.stdout.readline()
        with open(desk.path, "a") as f:
            f.write(line(7)[:20])
            f.flush()
            time.sleep(0.4)
            f.write(line(7)[20:])
        assert p.stdout.readline().decode() == line(7)
        os.rename(desk.path, desk.path + ".0")
        with open(desk.path + ".0", "a") as f:
            f.write(line(8))
        with open(desk.path, "w") as f:
            f.write(line(9))
        assert p.stdout.readline().decode() == line(8)
        assert p.stdout.readline().decode() == line(9)
        # copytruncate
        time.sleep(0.4)
        os.truncate(desk.path, 0)
        time.sleep(0.4)
        with open(desk.path, "a") as f:
            f.write(line(10))
        assert p.stdout.readline().decode() == line(10)
    finally:
        p.kill()
        p.wait(PATIENCE)


def test_the_journal(new_office):
    """Without a file journalctl is asked, here one that tells how."""
    office = new_office(start=False)
    tool = os.path.join(office.folder, "journalctl")
    with open(tool, "w") as f:
        f.write('#!/bin/sh\necho "ts=2030 level=info args=\\"$*\\""\n'
                'echo level=error event=x\n')
    os.chmod(tool, 0o755)

    def run(*args, path):
        env = dict(environment(), PATH=path)
        return subprocess.run(
            office.command("log", "-c", office.config, *args), env=env,
            capture_output=True, timeout=PATIENCE)

    path = office.folder + ":" + os.environ["PATH"]
    done = run(path=path)
    assert done.returncode == 0
    assert b"-u yubin -o cat" in done.stdout
    assert run("--level", "error", path=path).stdout == \
        b"level=error event=x\n"
    assert b"--since @1767225600 --follow --no-tail" in \
        run("--since", "2026-01-01Z", "-f", path=path).stdout
    done = run(path="/nonexistent")
    assert done.returncode == 1 and b"write `log: FILE`" in done.stderr


def test_of_a_running_server(new_office):
    office = new_office(start=False)
    path = os.path.join(office.dir, "yubin.log")
    office.set("log", path)
    office.start(log_path=path)
    user = office.add_account()
    with office.pop3(user) as c:
        c.ask(b"QUIT")
    office.wait_log("event=session")
    found = json.loads(lines(office, "--account", user, "--json")[-1])
    assert found["event"] == "session" and found["end"] == "quit"
    assert lines(office, "--session", found["session"])
