"""`yubin bench` against a real server, and bench/compare, which runs it."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

import pytest

from post_office import (BINARY, PASSWORD, PATIENCE, ROOT, SANITIZED,
                         environment)

COMPARE = os.path.join(ROOT, "bench/compare")


# ---- yubin bench ----

def bench(office, case, port, *words):
    """The result, and the exit code."""
    done = subprocess.run(
        [BINARY, "bench", case, *map(str, words), "--json",
         f"127.0.0.1:{port}"], capture_output=True, text=True,
        timeout=4 * PATIENCE, env=environment())
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout), done


@pytest.fixture
def users(office):
    """Three accounts with five messages each, by one pattern."""
    name = f"bench{time.monotonic_ns()}-%d"
    made = [office.add_account(name % n) for n in range(3)]
    pattern = made[0].replace("-0", "-%d")
    words = ["--users", pattern, "--accounts", 3]
    got, _ = bench(office, "lmtp", office.lmtp_port, *words, "--count", 15,
                   "--size", 3000, "--pipelined")
    assert (got["operations"], got["errors"]) == (15, 0)
    return words


def test_pop3(office, users):
    words = [*users, "--password", PASSWORD, "--count", 12, "-c", 3]
    for port, tls in ((office.pop3_port, []), (office.pop3_port, ["--stls"]),
                      (office.pop3s_port, ["--tls", "--resume"]),
                      (office.pop3s_port, ["--tls", "--tls-version", "1.2"])):
        for case, count in (("pop3-empty", 12), ("pop3-login", 12),
                            ("pop3-fetch", 60)):
            for more in ([], ["--pipelined"], ["--random"]):
                if "--random" in more and tls:
                    continue
                got, _ = bench(office, case, port, *words, *tls, *more)
                assert got["errors"] == 0, got
                assert got["operations"] == count
                assert got["tls"] == ("" if not tls else "TLSv1.2"
                                      if "1.2" in tls else "TLSv1.3")
                assert got["handshakes"] == (12 if tls else 0)
                # Each of three connections has nothing to resume at first.
                assert got["resumed"] == (9 if "--resume" in tls else 0)


def test_resumed(office, users):
    got, _ = bench(office, "pop3-login", office.pop3s_port, *users,
                   "--password", PASSWORD, "--count", 60, "-c", 2, "--tls",
                   "--resume")
    assert (got["operations"], got["errors"]) == (60, 0)
    # Tickets are good for all workers, also for those that came later.
    assert got["resumed"] == 58


def test_smtp(office, users):
    for more in ([], ["--stls"], ["--pipelined"]):
        got, _ = bench(office, "smtp", office.smtp_port, *users, "--count",
                       6, *more)
        assert (got["operations"], got["errors"]) == (6, 0)


def test_idle_and_slow(office, users):
    words = [*users, "--password", PASSWORD, "--pid", office.proc.pid]
    got, _ = bench(office, "pop3-idle", office.pop3_port, *words, "-c", 50,
                   "--seconds", 1)
    assert (got["operations"], got["errors"]) == (50, 0)
    assert got["memory_kib"] >= 0 and got["server_cpu_us"] >= 0
    got, _ = bench(office, "pop3-empty", office.pop3s_port, *words, "--tls",
                   "-c", 2, "--idle", 40, "--slow", 10, "--count", 20)
    assert (got["operations"], got["idle"], got["errors"]) == (20, 40, 0)


def test_wrong_password(office, users):
    got, done = bench(office, "pop3-login", office.pop3_port, *users,
                      "--password", "wrong", "--count", 1)
    assert done.returncode == 1 and got["errors"] == 1
    assert "answer to PASS" in done.stderr and "-ERR [AUTH]" in done.stderr


# ---- bench/compare ----

@pytest.fixture
def place():
    """A folder that the users of a server's processes may pass."""
    with tempfile.TemporaryDirectory(prefix="yubin-test-", dir="/tmp") as d:
        os.chmod(d, 0o755)
        yield pathlib.Path(d)


def start(*args, yubin=BINARY, tmp):
    env = environment()
    env["TMPDIR"] = str(tmp)
    return subprocess.Popen([sys.executable, COMPARE, "--yubin", str(yubin),
                             "--peers", "none", *map(str, args)], env=env,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


def assert_all_gone(tmp, pid):
    """Neither files, nor processes, nor control groups."""
    assert not [n for n in os.listdir(tmp) if n.startswith("yubin-compare")]
    for parent in ("/sys/fs/cgroup", "/sys/fs/cgroup/cpuacct"):
        if os.path.isdir(parent):
            assert not [n for n in os.listdir(parent)
                        if n.startswith(f"yubin-bench-{pid}-")]
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                with open(f"/proc/{p}/cmdline", "rb") as f:
                    assert str(tmp).encode() not in f.read(), p
            except OSError:
                pass


@pytest.mark.skipif(SANITIZED, reason="tries the script, not the server")
def test_compare(place):
    """A case whose answers are wrong stops no other; what is written tells of
    both; and nothing stays behind."""
    wrong = place / "yubin"
    wrong.write_text("#!/bin/sh\ncase \" $* \" in *\" --tls \"*) "
                     "echo broken >&2; exit 1 ;; esac\n"
                     f"exec {BINARY} \"$@\"\n")
    wrong.chmod(0o755)
    kept = place / "kept.json"
    proc = start("--quick", "--only", "session-8,tls-session,lmtp-1",
                 "--json", kept, yubin=wrong, tmp=place)
    out, err = proc.communicate(timeout=6 * PATIENCE)
    assert proc.returncode == 1, err
    assert "broken" in err and "tls-session          failed" in out
    assert_all_gone(place, proc.pid)
    results = json.loads(kept.read_text())
    rows = results["rows"]
    assert rows["tls-session"]["errors"] and not rows["lmtp-1"]["errors"]
    assert rows["lmtp-1"]["runs"]["yubin"][0]["operations"] > 0
    assert len(rows["session-8"]["runs"]["yubin"]) == 1
    # As if a peer had been there, and had cost twelve times as much.
    runs = rows["session-8"]["runs"]
    slow = {**runs["yubin"][0]}
    slow["server_cpu_us"] *= 12.5
    runs["dovecot-perf"] = [slow]
    points = [{"server": "yubin", "x": x, "rate": 10 * x, "p50_ms": x,
               "p99_ms": 2 * x} for x in (1, 10, 100)]
    results["shapes"]["connections"] = {"points": points, "facts": {}}
    (place / "performance").mkdir()
    with open(os.path.join(ROOT, "docs/performance/page.md"),
              encoding="utf-8") as f:
        (place / "performance/page.md").write_text(f.read())
    subprocess.run(
        [sys.executable, "-c", "import sys, json; sys.path.insert(0, "
         f"{os.path.join(ROOT, 'bench/lib')!r}); import page; "
         "page.write(json.load(sys.stdin), sys.argv[1])", str(place)],
        input=json.dumps(results), text=True, check=True, timeout=PATIENCE)
    text = (place / "performance.md").read_text()
    assert "| **12.5** | 12 / 15 | reached |" in text
    assert "(performance/connections.svg)" in text
    assert "failed: yubin" in text and "broken" in text
    assert "<!-- TABLE" not in text and "## Over size" in text
    xml.parse(place / "performance/connections.svg")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_compare_is_interrupted(place, how):
    proc = start("--only", "lmtp-1", "--seconds", 60, tmp=place)
    seen = proc.stderr.readline()
    end = time.monotonic() + 2 * PATIENCE
    # Until its server is there, and the load is on its way.
    while proc.poll() is None and time.monotonic() < end and not any(
            os.path.exists(place / n / "yubin/yubin.yaml")
            for n in os.listdir(place)):
        time.sleep(0.05)
    time.sleep(1)
    proc.send_signal(how)
    _, err = proc.communicate(timeout=2 * PATIENCE)
    assert proc.returncode == 130, seen + err
    assert_all_gone(place, proc.pid)
