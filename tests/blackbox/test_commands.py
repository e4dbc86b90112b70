"""Commands as people type them: what they say, and their exit codes."""
import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from post_office import (BINARY, PASSWORD, PATIENCE, PostOffice, environment,
                         may_mount, unprivileged)

BODY = b"Subject: x\r\n\r\nbody\r\n"


@pytest.fixture(scope="module")
def stopped():
    """A server that is made and never started."""
    office = PostOffice()
    yield office
    office.close()


def err(done):
    return done.stderr.decode()


# ---- configuration ----

def test_init_can_be_repeated(new_office):
    office = new_office(start=False)
    with open(office.config, "rb") as f:
        before = f.read()
    with open(office.ca, "rb") as f:
        ca = f.read()
    user = office.add_account()
    office.run("init", office.dir, "--loopback", config=False)
    with open(office.config, "rb") as f:
        assert f.read() == before
    with open(office.ca, "rb") as f:
        assert f.read() == ca
    office.start()
    with office.pop3(user, tls=True) as c:
        c.stat()


def test_check_is_silent_about_a_good_one(stopped):
    assert err(stopped.run("check")) == ""


def test_check_tells_all_errors(stopped, tmp_path):
    path = tmp_path / "yubin.yaml"
    path.write_text("config_version: 1\n"
                    "hostnam: mail.example.org\n"
                    "plain_login: sometimes\n"
                    "message_size_max: huge\n"
                    "listeners:\n"
                    "  pop3: {adress: [\"127.0.0.1:1\"], tls: starttls}\n"
                    "  pop5: {address: [\"127.0.0.1:2\"]}\n"
                    "  smtp: {address: [\"127.0.0.1:999999\"], tls: maybe}\n")
    os.chmod(path, 0o644)
    done = stopped.run("check", "-c", path, config=False, code=10)
    text = err(done) + done.stdout.decode()
    for line, column, word in ((2, 1, "hostnam"), (3, 14, "sometimes"),
                               (4, 19, "huge"), (6, 10, "adress"),
                               (7, 3, "pop5"), (8, 20, "999999"),
                               (8, 46, "maybe")):
        assert re.search(rf"yubin\.yaml:{line}:{column}: .*{word}", text), \
            (line, column, word, text)
    assert "hostname" in text and "pop3" in text  # the nearest known names
    assert "address" in text
    # The same errors keep the server from starting.
    done = stopped.run("serve", "-c", path, config=False, code=10)
    assert "hostnam" in err(done)


@pytest.mark.parametrize("text, word", [
    ("", ""), ("config_version: 2\n", "2"), ("a: [\n", ""), ("\0", ""),
    ("config_version: 1\nlisteners: 5\n", ""), ("\xff\xfe", ""),
    ("config_version: 1\nhostname: a\nhostname: b\n", "hostname"),
    ("a: &a [*a, *a]\n", ""), ("- 1\n- 2\n", ""),
    ("[" * 10000, ""), ("config_version: 1\nstore: [x]\n", "store"),
    ("x" * 70000, ""), ("config_version: 1\nhostname: \"\x1b[31m\"\n", ""),
])
def test_wrong_configurations(stopped, tmp_path, text, word):
    path = tmp_path / "yubin.yaml"
    path.write_bytes(text.encode("latin-1"))
    os.chmod(path, 0o644)
    done = stopped.run("serve", "-c", path, config=False, code=None)
    if text == "":
        return  # all defaults: whatever else stops it here
    assert done.returncode == 10, err(done)
    assert str(path) in err(done) and word in err(done)
    assert "\x1b" not in err(done)  # nothing reaches the terminal raw


def test_missing_configuration(stopped):
    for command in (["check"], ["serve"], ["status"], ["account", "list"]):
        done = stopped.run(*command, "-c", "/nonexistent/yubin.yaml",
                           config=False, code=None)
        assert done.returncode == 10, (command, done)
        assert "/nonexistent/yubin.yaml" in err(done)


def test_show_is_what_differs(stopped):
    out = stopped.run("check", "--show").stdout.decode()
    assert "plain_login: loopback" in out
    assert "connections_max: 8000\n" not in out  # the default


def test_the_key_of_others_is_refused(new_office):
    # Threat 64: weak permissions.
    office = new_office(start=False)
    os.chmod(os.path.join(office.dir, "tls/server.key"), 0o644)
    done = office.run("check", code=None)
    assert done.returncode != 0 and "server.key" in err(done)


# ---- usage ----

@pytest.mark.parametrize("args, code, word", [
    ([], 2, "COMMAND"), (["sevre"], 2, "serve"), (["account"], 2, "account"),
    (["account", "ad"], 2, "add"), (["status", "--jsn"], 2, "--json"),
    (["account", "add"], 2, "ADDRESS"), (["serve", "x"], 2, "x"),
    (["-c", "x", "serve"], 2, "COMMAND"),
])
def test_usage(stopped, args, code, word):
    done = subprocess.run([stopped.binary, *args], capture_output=True,
                          env=environment(), timeout=30)
    assert done.returncode == code
    assert word in done.stderr.decode() + done.stdout.decode()


@pytest.mark.parametrize("args", [
    [], ["init"], ["serve"], ["check"], ["status"], ["account"],
    ["account", "add"], ["account", "list"], ["account", "show"],
    ["account", "password"], ["account", "remove"], ["deliver"]])
def test_help(stopped, args):
    done = subprocess.run([stopped.binary, *args, "--help"],
                          capture_output=True, env=environment(), timeout=30)
    assert done.returncode == 0 and done.stderr == b""
    assert b"yubin " + " ".join(args).encode() in done.stdout
    assert max(map(len, done.stdout.decode().split("\n"))) <= 100


# ---- accounts, with a server and without ----

@pytest.fixture(params=["running", "stopped"])
def either(request):
    return request.getfixturevalue("office" if request.param == "running"
                                   else "stopped")


def test_account_life(either):
    name = "life@example.org"
    made = either.run("account", "add", name).stdout.decode().strip()
    assert len(made.split("\n")[-1]) >= 16
    done = either.run("account", "add", name, code=1)
    assert name in err(done)
    listed = json.loads(either.run("account", "list", "--json").stdout)
    assert name in [a["address"] for a in listed]
    assert name in either.run("account", "list").stdout.decode()
    shown = either.run("account", "show", name).stdout.decode()
    assert str(either.pop3s_port) in shown
    json.loads(either.run("account", "show", name, "--json").stdout)
    either.run("account", "password", name, "--password-stdin",
               "--allow-weak", data=b"other\n")
    if either.is_running():
        with either.pop3(name, "other") as c:
            c.stat()
        with either.pop3() as c:
            c.ask(b"USER " + name.encode())
            c.ask(b"PASS " + made.split("\n")[-1].encode(),
                  b"-ERR [AUTH]")
        either.deliver(name, BODY)
    done = either.run("account", "remove", name, "--yes")
    assert name in done.stdout.decode()
    either.run("account", "show", name, code=1)
    either.run("account", "remove", name, "--yes", code=1)
    # A new one of that name has nothing of the old one's mail.
    either.add_account(name)
    if either.is_running():
        assert either.collect(name) == []
    either.run("account", "remove", name, "--yes")


def test_weak_passwords(either):
    for word in (b"", b"secret", b"12345678", b"letmein"):
        done = either.run("account", "add", "weak@example.org",
                          "--password-stdin", data=word + b"\n", code=None)
        assert done.returncode == 1, word
        assert word == b"" or word.decode() not in err(done)


@pytest.mark.parametrize("name", [
    "", "x@", "@x", "a b@example.org", "../x@example.org", "x@-.org",
    "x\n@example.org", "a@b@c", "x" * 300 + "@example.org", "x@ex ample.org",
    "-x", "%s%n", "x@example..org", "é@example.org\x1b[31m"])
def test_names_that_cannot_be(either, name):
    args = ["account", "add", "--password-stdin", "--allow-weak", "--", name]
    done = either.run(*args, data=b"secret\n", code=None)
    assert done.returncode in (1, 2), name
    assert "\x1b" not in err(done)


def test_changes_are_in_force_at_once(office):
    name = office.add_account("force")
    with office.smtp() as c:
        c.send_mail([name], BODY, lmtp=False)
    held = office.pop3(name)
    office.run("account", "remove", name, "--yes")
    with office.smtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@b.c>")
        c.smtp_ask(b"RCPT TO:<" + name.encode() + b">", b"550")
    with office.pop3() as c:
        c.ask(b"USER " + name.encode())
        c.ask(b"PASS " + PASSWORD.encode(), b"-ERR [AUTH]")
    held.close()


def test_many_accounts(office):
    names = [office.add_account(f"many{i:03}") for i in range(12)]
    listed = json.loads(office.run("account", "list", "--json").stdout)
    assert set(names) <= {a["address"] for a in listed}


# ---- status, and who is there ----

def test_status(office, stopped):
    s = office.status()
    assert {p["role"] for p in s["processes"]} == \
        {"supervisor", "store", "auth", "worker", "metrics"}
    assert all(p["ready"] for p in s["processes"])
    assert {item["service"] for item in s["listeners"]} == \
        {"pop3", "pop3s", "smtp", "lmtp", "metrics"}
    text = office.run("status").stdout.decode()
    assert "worker" in text and str(office.pop3_port) in text
    done = stopped.run("status", code=11)
    assert "run" in err(done)


def test_two_servers_on_one_folder(office):
    done = office.run("serve", code=12)
    assert err(done) != ""


def test_lock_held_and_nobody_answers(new_office):
    # Where the lock is held but no socket answers: exit 12.
    office = new_office(start=False)
    user = office.add_account()
    path = os.path.join(office.dir, "store/lock")
    with open(path, "a+b") as f:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        done = office.run("account", "list", code=12)
        assert err(done) != ""
        office.run("account", "remove", user, "--yes", code=12)
        assert office.run("serve", code=12)
    office.run("account", "remove", user, "--yes")


def test_port_in_use(office, new_office):
    other = new_office(start=False)
    other.replace(f"127.0.0.1:{other.pop3_port}",
                  f"127.0.0.1:{office.pop3_port}")
    done = other.run("serve", code=None)
    assert done.returncode in (1, 12)
    assert str(office.pop3_port) in err(done)


def test_strangers_may_not_ask(office):
    # run/control is for root, the server's user and its group.
    if os.geteuid() != 0:
        pytest.skip("needs root, to be somebody else")
    done = subprocess.run(
        unprivileged([office.binary, "account", "list", "-c",
                      office.config]),
        capture_output=True, env=environment(), timeout=30)
    if "cannot execute" in err(done) or done.returncode in (126, 127):
        pytest.skip("the program lies where others do not get")
    assert done.returncode not in (0, 2)
    assert b"@example.org" not in done.stdout


def test_init_tells_the_dns():
    """A server's zone: MX (RFC 5321), SRV (RFC 6186), SPF (RFC 7208), PTR."""
    folder = tempfile.mkdtemp(prefix="yubin-test-", dir="/tmp")
    try:
        os.chmod(folder, 0o755)
        done = subprocess.run([BINARY, "init", folder + "/d", "--hostname",
                               "mail.example.org"], env=environment(),
                              capture_output=True, timeout=PATIENCE,
                              check=True)
        out = done.stdout.decode()
        for line in ("example.org.  MX   10 mail.example.org.",
                     "_pop3s._tcp.example.org.  SRV  0 1 995 mail.example.org.",
                     "_pop3._tcp.example.org.  SRV  10 1 110 mail.example.org.",
                     'example.org.  TXT  "v=spf1 mx -all"',
                     "PTR record of the address has to say mail.example.org."):
            assert line in out, out
        done = subprocess.run([BINARY, "init", folder + "/e", "--hostname",
                               "box"], env=environment(), capture_output=True,
                              timeout=PATIENCE, check=True)
        assert b'cannot look "box" up' in done.stdout
        assert b"MX" not in done.stdout
        done = subprocess.run([BINARY, "init", folder + "/e", "--hostname",
                               "mail.example.org"], env=environment(),
                              capture_output=True, timeout=PATIENCE)
        assert done.returncode == 1
        assert b'has "box" as hostname, not "mail.example.org"' in done.stderr
    finally:
        shutil.rmtree(folder)


# Four times `yubin init`, at once, where no system user has been made.
MANY_FIRST = r"""
cp -a /etc "$1/etc"
sed -i '/^yubin/d' "$1/etc/passwd" "$1/etc/group" "$1/etc/shadow" \
    "$1/etc/gshadow"
mount --bind "$1/etc" /etc
for i in 1 2 3 4; do
    "$2" init "$1/d$i" --loopback >"$1/out$i" 2>&1 &
done
wait
for i in 1 2 3 4; do
    "$2" check -c "$1/d$i/yubin.yaml" || { cat "$1"/out*; exit 1; }
done
cat "$1"/out* | grep -c '^made user'
"""


def test_users_are_made_once():
    if not may_mount():
        pytest.skip("needs root and a mount namespace")
    folder = tempfile.mkdtemp(prefix="yubin-test-", dir="/tmp")
    os.chmod(folder, 0o755)
    try:
        done = subprocess.run(
            ["unshare", "-m", "sh", "-ec", MANY_FIRST, "-", folder, BINARY],
            capture_output=True, env=environment(), timeout=120)
        assert done.returncode == 0, done
        with open(os.path.join(folder, "etc/passwd"), encoding="utf-8") as f:
            names = [line.split(":")[0] for line in f]
    finally:
        shutil.rmtree(folder)
    names = [n for n in names if n.startswith("yubin")]
    assert len(names) == len(set(names)) == int(done.stdout.split()[-1])
