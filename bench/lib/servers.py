"""The servers that are compared: how each is started, filled and stopped.

All of them run at the same time, each with ports of its own; those that are
not measured have nothing to do. Every server lives below one folder, in its
own control group (CPU time is read there) and on the cores it is given.
"""
import base64
import hashlib
import hmac
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PASSWORD = "pass"
DOMAIN = "bench.example"
START_MAX_S = 30
STOP_MAX_S = 60
FILL_MAX_S = 1800
# Above this a server that can import is not filled by deliveries: Dovecot
# would take minutes.
DELIVER_MAX = 5000
# Accounts in one list: it may not be larger than 128 MiB.
IMPORT_MAX = 200000
GROUPS = itertools.count(1)
LOCKS = []


class Failure(Exception):
    """Something that ends a row, with what to tell about it."""


def pinned(cores):
    """The words that keep a command to some cores; none if there is one."""
    if not cores or len(os.sched_getaffinity(0)) < 2:
        return []
    return ["taskset", "-c", ",".join(map(str, cores))]


def run(argv, **more):
    """A short command; its output. Failure tells what it said."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, **more)
    except subprocess.TimeoutExpired:
        raise Failure(f"{os.path.basename(argv[0])} takes too long") from None
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise Failure(f"{' '.join(argv[:3])}: {said[-500:]}")
    return done.stdout


def free_port_base():
    """Ports that nobody has, and that no other comparison is about to take:
    an abstract name stands for each base as long as this process lives."""
    for base in range(27000, 60000, 1000):
        try:
            lock = socket.socket(socket.AF_UNIX)
            lock.bind(f"\0yubin-compare-ports-{base}")
            LOCKS.append(lock)
            for n in (24, 25, 110, 910, 995):
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", base + n))
            return base
        except OSError:
            continue
    raise Failure("no free ports")


def make_group(name):
    """A control group of version 1 or 2; None where none can be made."""
    for parent in ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"):
        path = os.path.join(parent, name)
        try:
            os.mkdir(path)
        except OSError:
            continue
        if os.path.exists(os.path.join(path, "cgroup.procs")):
            return path
        os.rmdir(path)
    return None


def scram(password):
    """A stored SCRAM-SHA-256 verifier, which accounts may share here. It has
    the fewest rounds that are taken: passwords are checked once an account,
    before anything is measured, and that should not take minutes."""
    salt, rounds = b"0123456789abcdef", 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client = hmac.digest(salted, b"Client Key", "sha256")
    keys = (salt, hashlib.sha256(client).digest(),
            hmac.digest(salted, b"Server Key", "sha256"))
    return f"{rounds}," + ",".join(base64.b64encode(k).decode() for k in keys)


class Server:
    """What rows need to know of one."""
    can_import = False

    def __init__(self, name, folder, cores):
        self.name = name
        self.folder = folder
        self.cores = cores
        os.makedirs(os.path.dirname(self.folder), exist_ok=True)
        self.pop3 = self.pop3s = self.lmtp = self.pid = self.group = None
        self.filled = set()

    def cpu_option(self):
        if self.group:
            return ["--cgroup", self.group]
        return ["--pid", str(self.pid)]


class Yubin(Server):
    def __init__(self, binary, folder, cores, workers=1, name="yubin"):
        super().__init__(name, os.path.join(folder, name), cores)
        self.binary = binary
        self.workers = workers
        self.proc = None
        self.config = os.path.join(self.folder, "yubin.yaml")

    def command(self, *words, **more):
        # Options come behind the words of a command.
        n = 2 if words[0] == "account" else 1
        return run([self.binary, *words[:n], "-c", self.config, *words[n:]],
                   **more)

    def start(self, users):
        base = free_port_base()
        run([self.binary, "init", self.folder, "--loopback", "--port-base",
             str(base)])
        with open(self.config, encoding="utf-8") as f:
            text = f.read()
        text = re.sub(r"(?m)^#workers:.*", f"workers: {self.workers}", text)
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)
        self.pop3, self.pop3s, self.lmtp = base + 110, base + 995, base + 24
        self.group = make_group(
            f"yubin-bench-{os.getpid()}-{next(GROUPS)}")
        self.launch()
        self.add_accounts(users)

    def launch(self):
        def enter_group():
            if self.group:
                with open(os.path.join(self.group, "cgroup.procs"), "w",
                          encoding="ascii") as f:
                    f.write(str(os.getpid()))

        with open(self.folder + ".log", "ab") as log:
            self.proc = subprocess.Popen(
                pinned(self.cores) + [self.binary, "serve", "-c", self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=enter_group, start_new_session=True)
        self.pid = self.proc.pid
        end = time.monotonic() + START_MAX_S
        while time.monotonic() < end:
            if self.proc.poll() is not None:
                break
            try:
                self.command("status", timeout=START_MAX_S)
                return
            except Failure:
                time.sleep(0.1)
        with open(self.folder + ".log", errors="replace") as f:
            raise Failure("yubin does not start: " + f.read()[-500:])

    def add_accounts(self, users):
        verifier = scram(PASSWORD)
        users = iter(users)
        while some := list(itertools.islice(users, IMPORT_MAX)):
            rows = "".join(f"{u}:{{SCRAM-SHA-256}}{verifier}:\n"
                           for u in some)
            self.command("account", "import", "--allow-weak", "-", input=rows,
                         timeout=FILL_MAX_S)

    def stop(self):
        if self.proc and self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(STOP_MAX_S)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        self.proc = None
        self.leave_group()

    def leave_group(self):
        for _ in range(50):
            if not self.group:
                return
            try:
                os.rmdir(self.group)
                self.group = None
            except FileNotFoundError:
                self.group = None
            except OSError:
                time.sleep(0.1)


class Peer(Server):
    """A server behind a script of bench/peers, which says how it is used."""
    can_import = True

    def __init__(self, name, script, options, folder, cores):
        super().__init__(name, os.path.join(folder, name), cores)
        self.script = os.path.join(HERE, "peers", script)
        self.options = options

    def install(self):
        run([self.script, "install"], timeout=600)

    def start(self, users):
        os.makedirs(self.folder)
        names = os.path.join(self.folder, "users")
        with open(names, "w", encoding="ascii") as f:
            f.writelines(u + "\n" for u in users)
        argv = [self.script, "start", self.folder, "--users", names,
                "--port-base", str(free_port_base()), *self.options]
        if self.cores:
            argv += ["--cpu", ",".join(map(str, self.cores))]
        # Into a file: what it leaves running would hold a pipe open.
        out = self.folder + ".out"
        with open(out, "wb") as f:
            code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=f,
                                  stderr=f, timeout=60).returncode
        with open(out, errors="replace") as f:
            text = f.read().strip()
        if code != 0:
            raise Failure(f"{self.name} does not start: {text[-500:]}")
        said = dict(w.split("=", 1) for w in text.split("\n")[-1].split())
        self.pop3, self.pop3s = int(said["pop3"]), int(said["pop3s"])
        self.lmtp, self.pid = int(said["lmtp"]), int(said["pid"])
        self.group = said["cgroup"] or None

    def bring(self, user, messages, size):
        """Gives `user` as many messages, all of one text."""
        maildir = os.path.join(self.folder, "import")
        for d in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(maildir, d))
        text = message(size)
        for i in range(messages):
            # S= and W= are the size in the file and with CRLF.
            name = f"1700000000.M{i:07}P1.bench,S={size},W={size}:2,"
            with open(os.path.join(maildir, "cur", name), "wb") as f:
                f.write(text)
        run([self.script, "import", self.folder, user, maildir],
            timeout=FILL_MAX_S)
        shutil.rmtree(maildir)

    def stop(self):
        run([self.script, "stop", self.folder], timeout=STOP_MAX_S)


def message(size):
    head = (b"From: bench@bench.example\r\nTo: you@bench.example\r\n"
            b"Subject: A message\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
            b"Message-ID: <1@bench.example>\r\n\r\n")
    line = b"The clerk weighs each of them; letters, parcels, cards.\r\n"
    body = line * (size // len(line) + 1)
    return head + body[:size - len(head) - 2] + b"\r\n"


# Dovecot in the ways that were found to be its fastest, for one thing or
# another; a row says which of them it takes.
PEERS = {
    "dovecot-perf": ("dovecot", ["--mode", "perf", "--format", "mdbox"]),
    "dovecot-shared": ("dovecot", ["--mode", "shared", "--format", "mdbox"]),
    "dovecot-maildir": ("dovecot", ["--mode", "perf", "--format", "maildir"]),
}
