"""A private server for tests, and small clients that hide nothing.

PostOffice runs `yubin init DIR --loopback`, accounts and `yubin serve` in a
folder of its own. Whatever a sanitizer, the cage or a restart had to say is
found in its log when it stops, and fails the test.
"""
import contextlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from wireform import (Failure, is_strict, repaired, strip_trace,  # noqa: F401
                      to_wire)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BINARY = os.path.abspath(
    os.environ.get("YUBIN", os.path.join(ROOT, "build/release/yubin")))
SANITIZED = os.environ.get("YUBIN_SANITIZED") == "1"
# Everything is slower under sanitizers and on a busy machine.
PATIENCE = float(os.environ.get("YUBIN_PATIENCE", "40"))
PASSWORD = "secret"
DOMAIN = "example.org"
NOBODY = "nobody"
# Commands of two words; their options come behind both.
GROUPS = ("account", "alias", "auth", "domain", "mail")
# Of three.
LONG_GROUPS = ("account app-password", "account certificate",
               "account legacy")

REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|"
                    r"UndefinedBehavior|Assertion `")
CAGE = re.compile(r"forbidden system call")


# ---- ports ----

_port_locks = {}


def _is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def take_port_base():
    """A base that no other test run of this machine has."""
    for base in range(10000, 32000, 1000):
        for n in range(base, base + 22, 2):
            lock = socket.socket(socket.AF_UNIX)
            try:
                # An abstract name: it goes when this process does.
                lock.bind(f"\0yubin-test-ports-{n}")
            except OSError:
                lock.close()
                continue
            if all(_is_free(n + k) for k in (24, 25, 110, 910, 995)):
                _port_locks[n] = lock
                return n
            lock.close()
    raise Failure("no free ports")


# ---- the server ----

def environment():
    env = dict(os.environ)
    env.pop("YUBIN_CONFIG", None)
    env["YUBIN_STRICT_CAGE"] = "1"  # a test may shorten what takes long
    # No leak check (it needs ptrace) and no symbolizer (it needs exec): the
    # cage forbids both.
    env["ASAN_OPTIONS"] = "detect_leaks=0:symbolize=0:abort_on_error=1"
    env["UBSAN_OPTIONS"] = "symbolize=0:print_stacktrace=0"
    env["LC_ALL"] = "C.UTF-8"
    return env


def may_mount():
    """Whether a process may have mounts of its own; not so in a chroot."""
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "--mount", "true"], capture_output=True).returncode == 0


def unprivileged(argv):
    """The command as user nobody; only for root."""
    return ["setpriv", "--reuid", NOBODY, "--regid", "nogroup",
            "--clear-groups", "--", *argv]


class PostOffice:
    def __init__(self, user=None):
        """`user` is None for whoever runs the tests, or NOBODY."""
        self.user = user
        # Reachable for the users that the server becomes.
        self.folder = tempfile.mkdtemp(prefix="yubin-test-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.binary = BINARY
        if user:
            # The checkout may lie where only its owner gets.
            self.binary = os.path.join(self.folder, "yubin")
            shutil.copy(BINARY, self.binary)
            shutil.chown(self.folder, user, "nogroup")
        self.dir = os.path.join(self.folder, "d")
        self.config = os.path.join(self.dir, "yubin.yaml")
        self.stderr_path = os.path.join(self.folder, "log")
        self.log_path = self.stderr_path
        self.base = take_port_base()
        self.proc = None
        self.accounts = 0
        self.expects_deaths = False
        self.killed = set()
        self.checked = 0  # octets of the log already looked through
        try:
            self.run("init", self.dir, "--loopback", "--port-base",
                     self.base, config=False)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    # -- ports --

    @property
    def lmtp_port(self):
        return self.base + 24

    @property
    def smtp_port(self):
        return self.base + 25

    @property
    def pop3_port(self):
        return self.base + 110

    @property
    def pop3s_port(self):
        return self.base + 995

    @property
    def metrics_port(self):
        return self.base + 910

    @property
    def lmtp_socket(self):
        return os.path.join(self.dir, "run/lmtp")

    @property
    def ca(self):
        return os.path.join(self.dir, "tls/ca.pem")

    # -- commands --

    def command(self, *args):
        argv = [self.binary, *map(str, args)]
        return unprivileged(argv) if self.user else argv

    def run(self, *args, data=None, code=0, config=True, timeout=None):
        """Runs a command; its exit code must be `code` unless that is None."""
        args = list(args)
        if config:
            at = 2 if args[0] in GROUPS else 1
            at += " ".join(map(str, args[:2])) in LONG_GROUPS
            args[at:at] = ["-c", self.config]
        done = subprocess.run(self.command(*args), input=data or b"",
                              env=environment(), capture_output=True,
                              timeout=timeout or PATIENCE, cwd="/")
        if REPORT.search(done.stderr.decode(errors="replace")):
            raise Failure(f"yubin {args}: {done.stderr.decode()}")
        if code is not None and done.returncode != code:
            raise Failure(f"yubin {' '.join(map(str, args))}: exit "
                          f"{done.returncode}, not {code}:\n"
                          f"{done.stdout.decode(errors='replace')}"
                          f"{done.stderr.decode(errors='replace')}")
        return done

    def add_account(self, name=None, password=PASSWORD):
        """Makes an account with its maildrop; its address."""
        if name is None:
            self.accounts += 1
            name = f"user{self.accounts}"
        address = name if "@" in name else f"{name}@{DOMAIN}"
        self.run("account", "add", address, "--password-stdin",
                 "--allow-weak", data=password.encode() + b"\n")
        return address

    def add_accounts(self, n):
        """As many by one command; their addresses."""
        addresses = [f"user{self.accounts + i + 1}@{DOMAIN}"
                     for i in range(n)]
        self.accounts += n
        self.run("account", "import", "--allow-weak", "-", data="".join(
            f"{address},{PASSWORD}\n" for address in addresses).encode())
        return addresses

    def status(self):
        return json.loads(self.run("status", "--json", code=None).stdout)

    def pids(self, role):
        return [p["pid"] for p in self.status()["processes"]
                if p["role"] == role and p["pid"] != 0]

    def set(self, key, value):
        """Changes a top-level key of the configuration."""
        with open(self.config, encoding="utf-8") as f:
            text = f.read()
        text, n = re.subn(rf"(?m)^#?{key}:.*$", f"{key}: {value}", text)
        if n == 0:
            text += f"\n{key}: {value}\n"
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)

    def replace(self, old, new):
        """Changes text of the configuration that is there once."""
        with open(self.config, encoding="utf-8") as f:
            text = f.read()
        assert text.count(old) == 1, text
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))

    # -- life --

    def start(self, log_path=None):
        """`log_path` is where the configuration sends the log."""
        self.log_path = log_path or self.log_path
        mark = len(self.log())
        with open(self.stderr_path, "ab") as log:
            self.proc = subprocess.Popen(
                self.command("serve", "-c", self.config), env=environment(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                start_new_session=True)
        end = time.monotonic() + PATIENCE
        while "event=ready" not in self.log()[mark:]:
            if self.proc.poll() is not None:
                raise Failure(f"serve ended with {self.proc.returncode}:\n"
                              + self.log()[mark:])
            if time.monotonic() > end:
                raise Failure("serve is not ready:\n" + self.log()[mark:])
            time.sleep(0.01)
        return self

    def is_running(self):
        return self.proc is not None and self.proc.poll() is None

    def stop(self, how=signal.SIGTERM):
        if self.proc is None:
            return None
        if self.is_running():
            self.proc.send_signal(how)
        try:
            code = self.proc.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.end_all()
            raise Failure("serve did not end:\n" + self.log()[-4000:])
        self.proc = None
        return code

    def restart(self):
        self.stop()
        return self.start()

    def kill(self, pid):
        """kill -9; wait_all_ready() then waits for its successor too."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed.add(pid)

    def wait_all_ready(self):
        """Until every process is there; for tests that kill some."""
        end = time.monotonic() + PATIENCE
        while True:
            done = self.run("status", "--json", code=None)
            # A death may be so fresh that it was not noticed yet.
            if done.returncode == 0 and not self.killed & {
                    p["pid"] for p in json.loads(done.stdout)["processes"]}:
                return
            if time.monotonic() > end:
                raise Failure("not all processes came back:\n" +
                              done.stdout.decode() + self.log()[-4000:])
            time.sleep(0.05)

    def family(self):
        """The server's processes that live, by /proc."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if os.getsid(int(name)) == self.session:
                    with open(f"/proc/{name}/stat", encoding="latin-1") as f:
                        if f.read().rsplit(")", 1)[1].split()[0] != "Z":
                            found.append(int(name))
        return found

    @property
    def session(self):
        return self.proc.pid

    def end_all(self):
        """After a failure: nothing of this server may be left."""
        if self.proc is None:
            return
        for pid in self.family():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.proc.wait(PATIENCE)
        self.proc = None

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace",
                      newline="\n") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern, since=0):
        """Waits for a line; the match."""
        end = time.monotonic() + PATIENCE
        while True:
            m = re.search(pattern, self.log()[since:])
            if m:
                return m
            if time.monotonic() > end:
                raise Failure(f"no {pattern!r} in the log:\n" +
                              self.log()[since:][-4000:])
            time.sleep(0.02)

    def check_log(self):
        """Fails on reports of sanitizers and of the cage, and on deaths."""
        text = self.log()[self.checked:]
        # A line that is just being written is looked at the next time.
        text = text[:text.rfind("\n") + 1]
        self.checked += len(text)
        bad = [line for line in text.split("\n")
               if REPORT.search(line) or CAGE.search(line) or
               (not self.expects_deaths and "event=exit" in line and
                "level=error" in line) or
               # All that the server says is a line of key=value.
               (line and not line.startswith("ts="))]
        if bad:
            raise Failure("in the server's log:\n" + "\n".join(bad[:50]))

    def close(self):
        try:
            self.stop()
            self.check_log()
        finally:
            self.end_all()
            shutil.rmtree(self.folder, ignore_errors=True)
            # There are ports for some hundred servers at a time.
            lock = _port_locks.pop(self.base, None)
            if lock:
                lock.close()

    # -- clients --

    def tls_context(self):
        return ssl.create_default_context(cafile=self.ca)

    def pop3(self, user=None, password=PASSWORD, tls=False, rcvbuf=None,
             source=None):
        """A Line client behind the greeting, or the login if given a user."""
        c = Line(("127.0.0.1", self.pop3s_port if tls else self.pop3_port),
                 self.tls_context() if tls else None, rcvbuf=rcvbuf,
                 source=source)
        c.expect(b"+OK ")
        if user:
            c.ask(b"USER " + user.encode(), b"+OK")
            c.ask(b"PASS " + password.encode(), b"+OK")
        return c

    def smtp(self, hello=True):
        c = Line(("127.0.0.1", self.smtp_port))
        c.expect(b"220 ")
        if hello:
            c.say(b"EHLO client.example.net\r\n")
            c.reply(b"250")
        return c

    def lmtp(self, unix=False, hello=True):
        c = Line(self.lmtp_socket if unix else
                 ("127.0.0.1", self.lmtp_port))
        c.expect(b"220 ")
        if hello:
            c.say(b"LHLO client.example.net\r\n")
            c.reply(b"250")
        return c

    def deliver(self, address, body, sender=b"sender@example.net"):
        """Puts one message in by LMTP; `body` has CRLF line ends."""
        with self.lmtp() as c:
            c.send_mail([address], body, sender)
            c.say(b"QUIT\r\n")

    def collect(self, address):
        """All messages as they came in: without the trace fields."""
        with self.pop3(address) as c:
            n = c.stat()[0]
            return [strip_trace(c.retr(i)) for i in range(1, n + 1)]


# ---- clients ----

class Closed(Exception):
    pass


_sources = itertools.count(random.randrange(1 << 20))


def next_source():
    """
    An address of this machine's own that nobody used lately: wrong passwords
    of one test must not slow down the next.
    """
    n = next(_sources)
    return f"127.{1 + (n >> 16) % 200}.{(n >> 8) % 256}.{1 + n % 250}"


class Line:
    """A connection that sends octets and reads lines."""

    def __init__(self, address, context=None, rcvbuf=None, timeout=None,
                 source=None, name="localhost"):
        unix = isinstance(address, str)
        self.name = name  # that the certificate has to show
        s = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        if rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        s.settimeout(timeout or PATIENCE)
        if not unix:
            s.bind((source or next_source(), 0))
        s.connect(address)
        if not unix:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            s = context.wrap_socket(s, server_hostname=name)
        self.sock = s
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def starttls(self, context):
        assert self.buffer == b"", self.buffer
        self.sock = context.wrap_socket(self.sock,
                                        server_hostname=self.name)

    def say(self, octets):
        self.sock.sendall(octets)

    def fill(self):
        more = self.sock.recv(256 * 1024)
        if not more:
            raise Closed(self.buffer)
        self.buffer += more

    def line(self):
        """The next line without its CRLF."""
        while b"\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        if not line.endswith(b"\r"):
            raise Failure(f"a line without CR: {line[:200]!r}")
        return line[:-1]

    def expect(self, start):
        line = self.line()
        if not line.startswith(start):
            raise Failure(f"got {line[:300]!r}, not {start!r}")
        return line

    def ask(self, command, start=b"+OK"):
        self.say(command + b"\r\n")
        return self.expect(start)

    def rest(self):
        """All until the server closes; b"" for what a reset cut off."""
        data = self.buffer
        self.buffer = b""
        while True:
            try:
                more = self.sock.recv(256 * 1024)
            except (ConnectionResetError, BrokenPipeError):
                return data
            except ssl.SSLError as e:
                if "EOF" in str(e) or "closed" in str(e).lower():
                    return data
                raise
            if not more:
                return data
            data += more

    def is_alive(self):
        """Whether the server still answers POP3 or SMTP."""
        try:
            self.say(b"NOOP\r\n")
            self.line()
            return True
        except (OSError, Closed):
            return False

    # -- POP3 --

    def multi(self):
        """The octets of a multi-line answer, dots undone, behind its +OK."""
        while not (self.buffer.startswith(b".\r\n") or
                   b"\r\n.\r\n" in self.buffer):
            self.fill()
        if self.buffer.startswith(b".\r\n"):
            self.buffer = self.buffer[3:]
            return b""
        body, self.buffer = self.buffer.split(b"\r\n.\r\n", 1)
        body = (b"\r\n" + body + b"\r\n").replace(b"\r\n.", b"\r\n")
        return body[2:]

    def retr(self, n):
        octets = int(self.ask(b"RETR %d" % n).split()[1])
        body = self.multi()
        if len(body) != octets:
            raise Failure(f"RETR announced {octets} octets, "
                          f"and sent {len(body)}")
        return body

    def stat(self):
        answer = self.ask(b"STAT").split()
        return int(answer[1]), int(answer[2])

    def uidl(self):
        self.ask(b"UIDL")
        return [line.split(b" ", 1)[1]
                for line in self.multi().split(b"\r\n")[:-1]]

    # -- SMTP and LMTP --

    def reply(self, start=b""):
        """All lines of a reply; the last must start so."""
        lines = [self.line()]
        while lines[-1][3:4] == b"-":
            lines.append(self.line())
        if not lines[-1].startswith(start):
            raise Failure(f"got {lines!r}, not {start!r}")
        return lines

    def smtp_ask(self, command, start=b"250"):
        self.say(command + b"\r\n")
        return self.reply(start)[-1]

    def send_mail(self, recipients, body, sender=b"sender@example.net",
                  lmtp=True):
        self.smtp_ask(b"MAIL FROM:<" + sender + b">")
        for r in recipients:
            r = r.encode() if isinstance(r, str) else r
            self.smtp_ask(b"RCPT TO:<" + r + b">")
        self.smtp_ask(b"DATA", b"354")
        self.say(to_wire(body))
        for _ in recipients if lmtp else (0,):
            self.reply(b"250")
