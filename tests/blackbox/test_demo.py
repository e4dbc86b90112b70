"""scripts/demo, as a newcomer runs it."""
import os
import re
import signal
import subprocess
import time

import pytest

import mailgen
from post_office import BINARY, PATIENCE, ROOT, take_port_base

pytestmark = pytest.mark.skipif(
    BINARY != os.path.join(ROOT, "build/release/yubin"),
    reason="the demo builds and runs build/release")


def start(*args):
    env = {k: v for k, v in os.environ.items() if k != "YUBIN_STRICT_CAGE"}
    return subprocess.Popen(
        [os.path.join(ROOT, "scripts/demo"), "--port-base",
         str(take_port_base()), *map(str, args)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env,
        cwd="/", stdin=subprocess.DEVNULL)


def folder_in(output):
    return re.search(r"(/\S*/yubin-demo-[^/\s]+)", output).group(1)


def test_all_of_it():
    demo = start("--exit")
    out, _ = demo.communicate(timeout=4 * PATIENCE)
    assert demo.returncode == 0, out
    assert "1000 of 1000 equal" in out and "nothing new" in out
    assert not os.path.exists(folder_in(out))


def test_mail_of_a_folder(tmp_path):
    for i, body in enumerate(mailgen.messages(40, seed=8)):
        # LF as files have them, and the first line of mbox files.
        head = b"From a@b Thu Jan  1 00:00:00 1970\n" if i % 3 == 0 else b""
        (tmp_path / f"{i:03}").write_bytes(head + body.replace(b"\r\n",
                                                              b"\n"))
    demo = start("--exit", "--mail", tmp_path)
    out, _ = demo.communicate(timeout=4 * PATIENCE)
    assert demo.returncode == 0, out
    assert "40 of 40 equal" in out


def test_nothing_to_send(tmp_path):
    demo = start("--exit", "--mail", tmp_path)
    out, _ = demo.communicate(timeout=4 * PATIENCE)
    assert demo.returncode == 1 and str(tmp_path) in out


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stays_until_it_is_ended(tmp_path, how):
    (tmp_path / "one").write_bytes(b"Subject: x\n\nbody\n")
    demo = start("--mail", tmp_path)
    seen = ""
    for line in demo.stdout:
        seen += line
        if "Ctrl-C" in line:
            break
    url = re.search(r"--cacert (\S+).*?-u (\S+) (pop3s://\S+)", seen,
                    re.S)
    assert url, seen
    # What it prints works.
    done = subprocess.run(["curl", "-sS", "--cacert", url[1], "-u", url[2],
                           url[3]], capture_output=True, timeout=30)
    assert done.returncode == 0 and b"body" in done.stdout, done.stderr
    time.sleep(0.3)
    demo.send_signal(how)
    rest, _ = demo.communicate(timeout=PATIENCE)
    assert demo.returncode == 0, rest
    assert not os.path.exists(folder_in(seen))
    left = subprocess.run(["pgrep", "-f", folder_in(seen)],
                          capture_output=True)
    assert left.stdout == b""
