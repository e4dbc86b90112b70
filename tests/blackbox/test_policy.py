"""The site's policy command, asked before each login, by the process lookup."""
import json
import os
import pwd
import re
import threading
import time

import pytest

from post_office import NOBODY, PASSWORD, PATIENCE, ROOT, PostOffice
from scram import Scram, login

DENIED = b"-ERR [AUTH] wrong name or password"
PUT_OFF = b"-ERR [SYS/TEMP]"

# Its rules stand in a file beside it: `account VERDICT...` as JSON members.
GOOD = r'''#!/usr/bin/python3
import json, os, sys, time
here = os.path.dirname(os.path.realpath(sys.argv[0]))
for line in sys.stdin:
    q = json.loads(line)
    with open(here + "/rules.json") as f:
        rules = json.load(f)
    rule = rules.get(q["account"], {"verdict": "allow"})
    print("asked", json.dumps(q, sort_keys=True), file=sys.stderr, flush=True)
    time.sleep(rule.pop("sleep", 0))
    print(json.dumps({"id": q["id"], **rule}), flush=True)
'''


def put_program(office, text, name="policy"):
    folder = os.path.join(office.folder, "site")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path + ".new", "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)
    return path


def put_rules(office, rules):
    path = os.path.join(office.folder, "site", "rules.json")
    with open(path + ".new", "w", encoding="ascii") as f:
        json.dump(rules, f)
    os.rename(path + ".new", path)


def configure(office, **keys):
    with open(office.config, encoding="ascii") as f:
        text = re.sub(r"(?m)^policy:\n(  .*\n)*", "", f.read())
    if keys:
        text += "policy:\n" + "".join(f"  {k}: {v}\n"
                                      for k, v in keys.items())
    with open(office.config, "w", encoding="ascii") as f:
        f.write(text)


def answer(office, user, password=PASSWORD, source=None):
    with office.pop3(source=source) as c:
        c.ask(b"USER " + user.encode(), b"+OK")
        c.say(b"PASS " + password.encode() + b"\r\n")
        return c.line()


def with_policy(office, **keys):
    program = put_program(office, GOOD)
    put_rules(office, {})
    configure(office, **{"command": program, "timeout": 2000, **keys})
    return office.start()


@pytest.fixture(scope="module")
def policed():
    office = PostOffice()
    try:
        yield with_policy(office, outcomes="yes")
    finally:
        office.close()


def test_allow_delay_deny(policed):
    users = [policed.add_account() for _ in range(3)]
    put_rules(policed, {users[1]: {"verdict": "delay", "delay_ms": 700},
                        users[2]: {"verdict": "deny"}})
    assert answer(policed, users[0]).startswith(b"+OK")
    began = time.monotonic()
    assert answer(policed, users[1]).startswith(b"+OK")
    assert time.monotonic() - began > 0.7
    # In text it is a wrong password, in clear and by SCRAM.
    assert answer(policed, users[2]) == answer(policed, users[0], "x") == \
        DENIED
    policed.wait_log(rf"event=login_failed[^\n]*user={users[2]} "
                     rf"mechanism=PASS reason=policy ")
    with policed.pop3(tls=True) as c:
        assert login(c, Scram(users[2], PASSWORD))[0] == DENIED
    with policed.pop3(tls=True) as c:
        assert login(c, Scram(users[0], PASSWORD))[0].startswith(b"+OK")
    policed.wait_log(r'event=command_said[^\n]*mechanism[^\n]*SCRAM-SHA-256')
    text = policed.log()
    assert PASSWORD not in text
    assert re.search(rf'\\"account\\": \\"{re.escape(users[0])}\\"', text)


def test_answers_are_remembered_for_as_long_as_they_say(policed):
    user = policed.add_account()
    put_rules(policed, {user: {"verdict": "allow", "cache_s": 1}})
    source = "127.9.9.9"
    assert answer(policed, user, source=source).startswith(b"+OK")
    put_rules(policed, {user: {"verdict": "deny"}})
    assert answer(policed, user, source=source).startswith(b"+OK")
    # Another address is another question.
    assert answer(policed, user) == DENIED
    time.sleep(1.1)
    assert answer(policed, user, source=source) == DENIED


def test_nobody_waits_for_others(policed):
    slow, user = policed.add_account(), policed.add_account()
    put_rules(policed, {slow: {"verdict": "delay", "delay_ms": 5000}})
    waiting = [policed.pop3() for _ in range(20)]
    for c in waiting:
        c.say(b"USER %s\r\nPASS %s\r\n" % (slow.encode(),
                                           PASSWORD.encode()))
    time.sleep(0.3)
    began = time.monotonic()
    assert answer(policed, user).startswith(b"+OK")
    assert time.monotonic() - began < 3
    for c in waiting:
        c.close()


def test_it_hears_how_it_went(policed):
    office = policed
    user = office.add_account()
    made = json.loads(office.run("account", "app-password", "add", "--json",
                                 user, "phone").stdout)
    # What a program says is logged so many times a second only, and the
    # tests before this one may have used that up.
    patience = time.monotonic() + PATIENCE
    while not all(
            re.search(rf'device\\": \\"{device}\\"[^\n]*outcome\\": '
                      rf'\\"{outcome}\\"[^\n]*reason\\": \\"{reason}\\"',
                      office.log())
            for outcome, reason, device in (("ok", "", "phone"),
                                            ("denied", "wrong_password",
                                             ""))):
        assert time.monotonic() < patience, office.log()
        assert answer(office, user, made["password"]).startswith(b"+OK")
        assert answer(office, user, "wrong") == DENIED
        time.sleep(0.3)
    assert made["password"] not in office.log()


def test_the_example(new_office):
    office = new_office(start=False)
    with open(os.path.join(ROOT, "contrib/commands/policy.py"),
              encoding="ascii") as f:
        configure(office, command=put_program(office, f.read()))
    for name, network in (("denied", "127.77.0.0/16"),
                          ("known", "127.0.0.0/8")):
        with open(os.path.join(office.folder, f"site/{name}.txt"), "w",
                  encoding="ascii") as f:
            f.write(network + "\n")
    office.start()
    user = office.add_account()
    assert answer(office, user, source="127.76.0.1").startswith(b"+OK")
    assert answer(office, user, source="127.77.0.1") == DENIED
    assert "event=command" not in office.log()


# ---- programs that are broken ----

BROKEN = {
    "hangs": ("import time\ntime.sleep(100)", "did not answer in time"),
    "exits at once": ("", "left without an answer"),
    "crashes": ("input()\nimport os\nos.kill(os.getpid(), 11)",
                "left without an answer"),
    "exits with 3": ("input()\nraise SystemExit(3)", "status 3"),
    "garbage": ("input()\nprint('{\\x00]', flush=True)\ninput()",
                "did not say a JSON object"),
    "a list": ("input()\nprint('[1]', flush=True)\ninput()",
               "did not say a JSON object"),
    "no id": ("input()\nprint('{\"verdict\":\"allow\"}', flush=True)\n"
              "input()", "without the id"),
    "another's answer": (
        "import json\nq = json.loads(input())\nprint(json.dumps({'id': "
        "q['id'] + 1, 'verdict': 'allow'}), flush=True)\ninput()",
        "without the id"),
    "two answers": (
        "import json\nq = json.loads(input())\nprint(json.dumps({'id': "
        "q['id'], 'verdict': 'allow'}) + '\\n{}', flush=True)\ninput()",
        "more than one line"),
    "too much": ("input()\nwhile True: print('x' * 65536, end='', "
                 "flush=True)", "more than an answer may hold"),
    "no verdict": ("import json\nq = json.loads(input())\nprint(json.dumps("
                   "{'id': q['id'], 'verdict': 'yes'}), flush=True)\ninput()",
                   "has no .*verdict"),
    "speaks first": ("print('{}', flush=True)\ninput()\ninput()",
                     "without the id"),
    "a member twice": (
        "import json\nq = json.loads(input())\nprint('{\"id\": %d, "
        "\"verdict\": \"deny\", \"verdict\": \"allow\"}' % q['id'], "
        "flush=True)\ninput()", "did not say a JSON object"),
    "a delay of words": (
        "import json\nq = json.loads(input())\nprint(json.dumps({'id': "
        "q['id'], 'verdict': 'delay', 'delay_ms': 'x'}), flush=True)\ninput()",
        "has no .*delay_ms"),
    "starts others": ("import subprocess\nsubprocess.Popen(['sleep', '98'])\n"
                      "import time\ntime.sleep(98)", "did not answer in time"),
}


@pytest.fixture(scope="module")
def allowing():
    office = PostOffice()
    try:
        configure(office, command=put_program(office, GOOD), timeout=500,
                  on_failure="allow", processes=2)
        office.start()
        office.add_account("alice")
        yield office
    finally:
        office.close()


@pytest.mark.parametrize("how", list(BROKEN))
def test_a_broken_program(allowing, how):
    """Without an answer logins go on; or are put off, see the next one."""
    code, said = BROKEN[how]
    since = len(allowing.log())
    put_program(allowing, "#!/usr/bin/python3\n" + code + "\n")
    allowing.run("reload")
    began = time.monotonic()
    assert answer(allowing, "alice@example.org").startswith(b"+OK")
    assert time.monotonic() - began < 8
    allowing.wait_log("event=command [^\n]*" + said, since)
    if how == "starts others":
        time.sleep(0.3)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                assert f.read() != b"sleep\x0098\x00"


def test_put_off_without_an_answer(new_office):
    office = new_office(start=False)
    program = put_program(office, "#!/bin/sh\nsleep 60\n")
    configure(office, command=program, timeout=300)
    office.start()
    user = office.add_account()
    began = time.monotonic()
    assert answer(office, user).startswith(PUT_OFF)
    assert answer(office, user, "wrong").startswith(PUT_OFF)
    assert time.monotonic() - began < 8
    # The program's own fault is told; a new one is taken as it is.
    put_program(office, GOOD)
    put_rules(office, {})
    time.sleep(1.1)
    assert answer(office, user).startswith(b"+OK")
    os.chmod(program, 0o777)
    office.expects_deaths = True
    office.kill(office.pids("lookup")[0])
    office.wait_all_ready()
    since = len(office.log())
    assert answer(office, user).startswith(PUT_OFF)
    office.wait_log("policy: cannot start .*permission denied", since)


def test_one_question_a_process(new_office):
    """A program may exit after its answer, be it with many at a time."""
    office = new_office(start=False)
    configure(office, processes=3, command=put_program(office, """#!/bin/sh
IFS= read -r line
id=${line##*\\"id\\":}
echo "{\\"id\\": ${id%%[,\\}]*}, \\"verdict\\": \\"allow\\"}"
""".replace('\\\\"', '\\"')))
    office.start()
    user = office.add_account()
    wrong = []

    def some():
        for _ in range(8):
            got = answer(office, user)
            if not got.startswith(b"+OK"):
                wrong.append(got)

    threads = [threading.Thread(target=some) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []
    assert "event=command " not in office.log()


# ---- the process ----

def test_lookup_dies_and_comes_back(new_office):
    policed = with_policy(new_office(start=False), timeout=700)
    user = policed.add_account()
    policed.expects_deaths = True
    put_rules(policed, {user: {"verdict": "allow", "sleep": 60}})
    with policed.pop3() as c:
        c.ask(b"USER " + user.encode())
        c.say(b"PASS " + PASSWORD.encode() + b"\r\n")
        policed.wait_log("event=command_said")
        began = time.monotonic()
        policed.kill(policed.pids("lookup")[0])
        assert c.line().startswith(PUT_OFF)
        assert time.monotonic() - began < 0.6
    put_rules(policed, {})
    policed.wait_all_ready()
    assert answer(policed, user).startswith(b"+OK")
    # One that does not answer any more.
    pid = policed.pids("lookup")[0]
    os.kill(pid, 19)
    began = time.monotonic()
    assert answer(policed, user).startswith(PUT_OFF)
    assert 0.7 < time.monotonic() - began < 8
    os.kill(pid, 18)
    assert answer(policed, user).startswith(b"+OK")


def programs(office):
    return [pid for pid in office.family()
            if b"site/policy" in open(f"/proc/{pid}/cmdline", "rb").read()]


def test_reload_switches_it_on_and_off(new_office):
    office = new_office()
    user = office.add_account()
    assert office.pids("lookup") == []
    program = put_program(office, GOOD)
    put_rules(office, {user: {"verdict": "deny"}})
    configure(office, command=program)
    office.run("reload")
    office.wait_all_ready()
    assert len(office.pids("lookup")) == 1
    assert answer(office, user) == DENIED
    assert len(programs(office)) == 1
    configure(office)
    office.run("reload")
    assert answer(office, user).startswith(b"+OK")
    office.wait_all_ready()
    assert office.pids("lookup") == [] and programs(office) == []
    # Another program takes another cage; logins meanwhile are put off.
    configure(office, command=program)
    office.run("reload")
    office.wait_all_ready()
    old = office.pids("lookup")
    os.makedirs(os.path.join(office.folder, "other"))
    other = os.path.join(office.folder, "other", "policy")
    with open(other, "w", encoding="ascii") as f:
        f.write(GOOD)
    os.chmod(other, 0o755)
    with open(os.path.join(office.folder, "other/rules.json"), "w") as f:
        f.write("{}")
    configure(office, command=other)
    office.run("reload")
    office.wait_all_ready()
    assert office.pids("lookup") != old
    assert answer(office, user).startswith(b"+OK")
    since = len(office.log())
    office.run("restart")
    office.wait_log("event=ready", since)
    assert answer(office, user).startswith(b"+OK")


LOOKS = r'''#!/usr/bin/python3
import json, os, socket, sys
found = {"env": sorted(os.environ), "fds": sorted(os.listdir("/proc/self/fd")),
         "cwd": os.getcwd(), "uid": os.getuid()}
def may(name, f, *a):
    try:
        f(*a)
        found[name] = True
    except OSError as e:
        found[name] = e.strerror
may("store", os.listdir, "DIR/store")
may("directory", open, "DIR/auth/directory.db", "rb")
may("key", open, "DIR/tls/server.key", "rb")
may("config", open, "DIR/yubin.yaml", "rb")
may("write", open, "/tmp/yubin-lookup-was-here", "w")
may("tmp", os.listdir, "/tmp")
may("etc", open, "/etc/passwd", "rb")
may("beside", open, os.path.dirname(sys.argv[0]) + "/rules.json")
s = socket.socket()
may("socket", s.connect_ex, ("127.0.0.1", 1))
for key in found:
    print("found", key, found[key], file=sys.stderr, flush=True)
for line in sys.stdin:
    print(json.dumps({"id": json.loads(line)["id"], "verdict": "allow"}),
          flush=True)
'''


def test_what_a_program_may(new_office, as_whom):
    office = new_office(start=False, user=as_whom)
    program = put_program(office, LOOKS.replace("DIR", office.dir))
    put_rules(office, {})
    configure(office, command=program)
    office.start()
    user = office.add_account()
    assert answer(office, user).startswith(b"+OK")
    office.wait_log('found socket')
    found = dict(re.findall(r'text="found (\w+) ([^"]*)"', office.log()))
    assert set(re.findall(r"\w+", found["env"])) <= {"LANG", "PATH", "LC_CTYPE"}
    assert found["fds"] == "['0', '1', '2', '3']"  # the last is that folder
    assert found["cwd"] == "/"
    if os.geteuid() == 0:
        assert pwd.getpwuid(int(found["uid"])).pw_name == (
            NOBODY if as_whom == NOBODY else "yubin-lookup")
    for what in ("store", "directory", "key", "config", "write", "tmp"):
        assert found[what] == "Permission denied", (what, found)
    for what in ("etc", "beside", "socket"):
        assert found[what] == "True", (what, found)


def test_it_dies_with_the_server(new_office):
    policed = with_policy(new_office(start=False))
    user = policed.add_account()
    assert answer(policed, user).startswith(b"+OK")
    lookup, started = policed.pids("lookup")[0], programs(policed)
    assert started
    policed.expects_deaths = True
    policed.proc.kill()
    policed.proc.wait()
    end = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{p}") for p in [lookup, *started]):
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("mode, said", [
    (0o775, "can be changed by other users"), (0o644, "can be run"),
    (None, "cannot look at")])
def test_check_looks_at_the_program(office, mode, said):
    program = put_program(office, GOOD, "looked-at")
    configure(office, command=program)
    if mode is None:
        os.remove(program)
    else:
        os.chmod(program, mode)
    done = office.run("check", code=10)
    assert said in done.stderr.decode() + done.stdout.decode()
    configure(office)
    office.run("check")


def test_what_it_says_is_bounded_and_escaped(new_office):
    office = new_office(start=False)
    configure(office, command=put_program(office, """#!/usr/bin/python3
import sys
for i in range(5000):
    print("line %d \\x1b[31m" % i, "x" * 2000, "\\ninjected=yes level=error",
          file=sys.stderr)
""" + GOOD.split("\n", 1)[1]))
    put_rules(office, {})
    office.start()
    user = office.add_account()
    assert answer(office, user).startswith(b"+OK")
    office.wait_log("event=command_said")
    lines = [line for line in office.log().split("\n")
             if "event=command_said" in line]
    assert len(lines) < 100 and "\x1b" not in office.log()
    assert not re.search("^injected", office.log(), re.M)
    assert all(len(line) < 700 for line in lines)
