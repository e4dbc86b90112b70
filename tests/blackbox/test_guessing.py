"""Guessing at passwords: slow for whoever guesses, and nobody else notices."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from post_office import PASSWORD, ROOT, environment, next_source

FILTER = os.path.join(ROOT, "contrib/fail2ban/filter.d/yubin.conf")


def attempt(office, user, password, source=None, patience=None):
    """Seconds that the answer took, and whether it was +OK."""
    with office.pop3(source=source) as c:
        if patience:
            c.sock.settimeout(patience)
        begun = time.monotonic()
        c.ask(b"USER " + user.encode(), b"+OK")
        c.say(b"PASS " + password.encode() + b"\r\n")
        ok = c.line().startswith(b"+OK")
        return time.monotonic() - begun, ok


def held(office):
    rows = json.loads(office.run("auth", "status", "--json").stdout)
    return {row["who"]: row for row in rows}


@pytest.fixture
def hot(new_office):
    """A server of its own: what is counted here is not for other tests."""
    return new_office()


def test_status_and_forgive(hot):
    user = hot.add_account()
    source = next_source()
    for _ in range(2):
        assert not attempt(hot, user, "wrong", source)[1]
    rows = held(hot)
    assert rows[source]["kind"] == "address"
    assert rows[source]["failures"] == 2
    assert rows[user]["kind"] == "account"
    assert rows[source.rsplit(".", 1)[0] + ".0/24"]["kind"] == "network"
    assert source in hot.run("auth", "status").stdout.decode()
    hot.run("auth", "forgive", source)
    hot.run("auth", "forgive", user)
    assert source not in held(hot) and user not in held(hot)
    done = hot.run("auth", "forgive", source, code=1)
    assert b"nothing is held against" in done.stderr


def test_a_new_process_remembers(hot):
    user = hot.add_account()
    source = next_source()
    for i in range(3):
        attempt(hot, user, f"wrong {i}", source)
    time.sleep(1.5)  # it is written every second
    assert held(hot)[source]["failures"] == 3
    hot.expects_deaths = True
    hot.kill(hot.pids("auth")[0])
    hot.wait_all_ready()
    assert held(hot)[source]["failures"] == 3
    took, ok = attempt(hot, user, "wrong again", source)
    assert not ok and took > 3  # the fourth
    # A clean address is not concerned.
    took, ok = attempt(hot, user, PASSWORD)
    assert ok and took < 3


def test_one_line_a_failure(hot):
    """The line says all; what a client sent is escaped behind the address."""
    user = hot.add_account()
    source = next_source()
    evil = 'x" address=203.0.113.9 user="y'
    attempt(hot, user, "wrong", source)
    attempt(hot, evil, "wrong", source)
    m = hot.wait_log(r'event=login_failed address=(\S+) user="?([^\s"]+)"? '
                     r'mechanism=PASS reason=wrong_password ')
    assert m.group(1) == source and m.group(2) == user
    hot.wait_log(rf'event=login_failed address={re.escape(source)} user=\S+ '
                 r'mechanism=PASS reason=no_such_user ')
    assert "203.0.113.9" not in hot.log()
    assert "wrong " not in hot.log()  # no password
    hot.run("account", "set", user, "login=no")
    attempt(hot, user, PASSWORD, next_source())
    hot.wait_log(r"event=login_failed address=\S+ user=\S+ "
                 r"mechanism=PASS reason=locked ")


@pytest.mark.skipif(shutil.which("fail2ban-regex") is None,
                    reason="there is no fail2ban-regex")
def test_fail2ban(hot, tmp_path):
    user = hot.add_account()
    sources = [next_source() for _ in range(3)]
    for source in sources:
        attempt(hot, user, "wrong", source)
    attempt(hot, user, PASSWORD, next_source())
    hot.wait_log(rf"login_failed address={re.escape(sources[-1])}")
    log = tmp_path / "yubin.log"
    log.write_text(hot.log())
    done = subprocess.run(
        ["fail2ban-regex", "-o", "ip", str(log), FILTER],
        capture_output=True, env=environment(), timeout=60, check=True)
    assert done.stdout.decode().split() == sources


@pytest.mark.parametrize("tool", ["hydra", "medusa"])
def test_guessing_tools(new_office, tmp_path, tool):
    """They get nowhere, and the owner logs in as before."""
    if shutil.which(tool) is None:
        pytest.skip(f"there is no {tool}")
    hot = new_office(start=False)
    # medusa would take STLS, with a version of TLS that nobody speaks now.
    port = f':{hot.pop3_port}"], tls: '
    hot.replace(port + "starttls", port + "off")
    hot.start()
    user = hot.add_account()
    words = tmp_path / "words"
    words.write_text("".join(f"guess{i}\n" for i in range(500)) +
                     PASSWORD + "\n")
    if tool == "hydra":
        argv = ["hydra", "-I", "-t", "16", "-l", user, "-P", words, "-s",
                hot.pop3_port, "127.0.0.1", "pop3"]
    else:
        argv = ["medusa", "-h", "127.0.0.1", "-n", hot.pop3_port, "-u", user,
                "-P", words, "-M", "pop3", "-t", "16"]
    with open(tmp_path / "out", "wb") as out:
        proc = subprocess.Popen([str(a) for a in argv], stdout=out,
                                stderr=out, cwd=tmp_path,
                                start_new_session=True)
        try:
            end = time.monotonic() + 3
            slowest = 0
            while time.monotonic() < end:
                took, ok = attempt(hot, user, PASSWORD)
                assert ok
                slowest = max(slowest, took)
                time.sleep(0.3)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(proc.pid, signal.SIGKILL)
            proc.wait()
    said = (tmp_path / "out").read_text(errors="replace")
    assert f"password: {PASSWORD}" not in said and "SUCCESS" not in said
    tries = hot.log().count("event=login_failed address=127.0.0.1 ")
    assert 1 <= tries < 60, (tries, said)
    assert slowest < 3
    assert attempt(hot, user, PASSWORD)[1]
