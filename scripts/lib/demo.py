"""What scripts/demo does once the packages are there."""
import argparse
import contextlib
import os
import poplib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/tools"))
sys.dont_write_bytecode = True

import mailgen  # noqa: E402
from wireform import repaired, strip_trace, to_wire  # noqa: E402

BUILD = os.path.join(ROOT, "build/release")
YUBIN = os.path.join(BUILD, "yubin")
MESSAGES = 1000
NAMES = ("alice@example.org", "bob@example.org")
OFFSETS = (24, 25, 110, 995)  # LMTP, SMTP, POP3, POP3S
TERMINAL = sys.stdout.isatty()
START_MAX_S = 30
STOP_MAX_S = 45
LOG_LINES = 30
# poplib gives up at lines of 2,048 octets; real mail has longer ones.
poplib._MAXLINE = 1 << 30


class Trouble(Exception):
    """Said to the user as it is; the demo ends with 1."""


# ---- what is shown ----

class Step:
    """A line that grows: its name, then progress, then what came of it."""

    def __init__(self, name):
        self.name = name
        self.start = time.monotonic()
        self.shown = 0.0
        self.progress("...")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None and TERMINAL:
            print(flush=True)

    def progress(self, text):
        if not TERMINAL or time.monotonic() - self.shown < 0.05:
            return
        self.shown = time.monotonic()
        print(f"\r\033[K  {self.name:<12} {text}", end="", flush=True)

    def done(self, text):
        seconds = time.monotonic() - self.start
        start = "\r\033[K" if TERMINAL else ""
        print(f"{start}  {self.name:<12} {text} ({seconds:.1f} s)",
              flush=True)


def size(octets):
    return f"{octets / 1e6:.1f} MB" if octets >= 100000 else f"{octets} octets"


class Signals:
    """Ctrl-C and its kin are KeyboardInterrupt, but not while held."""
    NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    held = came = False

    @classmethod
    def catch(cls):
        for number in cls.NUMBERS:
            signal.signal(number, cls.on_signal)

    @classmethod
    def on_signal(cls, *_):
        cls.came = True
        if not cls.held:
            raise KeyboardInterrupt

    @classmethod
    def ignore(cls):
        for number in cls.NUMBERS:
            signal.signal(number, signal.SIG_IGN)

    def __enter__(self):
        Signals.held = True

    def __exit__(self, *_):
        Signals.held = False
        if Signals.came:
            raise KeyboardInterrupt


# ---- the server ----

def run(argv, what):
    """Runs a command quietly; its output is shown if it fails."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, cwd=ROOT,
                          stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Trouble(f"{what} failed:\n{done.stdout}")
    return done.stdout


def build():
    with Step("build") as step:
        # Tests are not needed here, nor the libraries that they need.
        if not os.path.exists(os.path.join(BUILD, "build.ninja")):
            run(["cmake", "--preset", "release", "-DYUBIN_TESTS=OFF"],
                "configuring")
        run(["ninja", "-C", BUILD, "yubin"], "building")
        step.done("build/release/yubin")


def is_free(base):
    for offset in OFFSETS:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", base + offset))
            except OSError:
                return False
    return True


def choose_base(wanted):
    if is_free(wanted):
        return wanted
    for base in range(3000, 64000, 1000):
        if is_free(base):
            return base
    raise Trouble("no free ports on 127.0.0.1")


class Server:
    def __init__(self, folder, base):
        self.dir = os.path.join(folder, "post")
        self.config = os.path.join(self.dir, "yubin.yaml")
        self.log = os.path.join(folder, "log")
        self.base = base
        self.proc = None
        self.passwords = {}
        self.ca = os.path.join(self.dir, "tls/ca.pem")

    def start(self):
        with Step("server") as step:
            run([YUBIN, "init", self.dir, "--loopback", "--port-base",
                 str(self.base)], "yubin init")
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            # In a session of its own: Ctrl-C is for us to pass on. Held, or
            # it could come between the server's start and our knowing of it.
            with Signals():
                self.proc = subprocess.Popen(
                    [YUBIN, "serve", "-c", self.config], stdout=log,
                    stderr=log, stdin=subprocess.DEVNULL,
                    start_new_session=True)
            os.close(log)
            self.wait_ready()
            step.done(f"in {self.dir}")

    def wait_ready(self):
        end = time.monotonic() + START_MAX_S
        while "event=ready" not in self.log_tail():
            if self.proc.poll() is not None or time.monotonic() > end:
                raise Trouble(f"the server did not start:\n{self.log_tail()}")
            time.sleep(0.01)

    def log_tail(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-LOG_LINES:])

    def make_accounts(self):
        with Step("accounts") as step:
            for name in NAMES:
                out = run([YUBIN, "account", "add", "-c", self.config, name],
                          "yubin account add")
                self.passwords[name] = out.strip().split("\n")[-1].strip()
            step.done(" and ".join(NAMES))

    def stop(self):
        if self.proc is None:
            return
        if self.proc.poll() is None:
            self.proc.terminate()
        try:
            self.proc.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.proc = None


# ---- mail ----

def is_mail(path):
    return os.path.isfile(path) and not os.path.basename(path).startswith(".")


def read_mail(folder):
    """
    The files of a folder by name, as SMTP takes them: with CRLF line ends, and
    without the line that mbox files put in front.
    """
    if not os.path.isdir(folder):
        raise Trouble(f"there is no folder {folder}")
    mail = {}
    for top, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(top, name)
            if not is_mail(path):
                continue
            with open(path, "rb") as f:
                body = f.read()
            body = re.sub(rb"\AFrom [^\r\n]*(\r*\n|\r)", b"", body)
            mail[path] = repaired(body)
    if not mail:
        raise Trouble(f"there are no files in {folder}")
    return mail


def expect(reply, code, name):
    if reply[0] != code:
        text = reply[1].decode(errors="replace")
        raise Trouble(f"{name} was refused: {reply[0]} {text}")


def send(server, mail):
    """Message i goes to account i modulo 2, over one connection."""
    total = sum(map(len, mail.values()))
    # Not smtplib's own `with`: it would say QUIT in the middle of a message.
    with Step("sending") as step, contextlib.closing(
            smtplib.SMTP("127.0.0.1", server.base + 25)) as smtp:
        smtp.ehlo("demo.example.net")
        for i, (name, body) in enumerate(mail.items()):
            expect(smtp.mail("demo@example.net"), 250, name)
            expect(smtp.rcpt(NAMES[i % 2]), 250, name)
            expect(smtp.docmd("DATA"), 354, name)
            smtp.send(to_wire(body))
            expect(smtp.getreply(), 250, name)
            step.progress(f"{i + 1} of {len(mail)}")
        smtp.quit()
        step.done(f"{len(mail)} messages, {size(total)}, by SMTP, each on "
                  "disk before its 250")


@contextlib.contextmanager
def session(server, name):
    """A POP3 session, ended in order unless something goes wrong in it."""
    context = ssl.create_default_context(cafile=server.ca)
    with contextlib.closing(poplib.POP3_SSL(
            "127.0.0.1", server.base + 995, context=context)) as pop:
        pop.user(name)
        pop.pass_(server.passwords[name])
        yield pop
        pop.quit()


def uidls(pop):
    return [line.split(b" ", 1)[1] for line in pop.uidl()[1]]


def fetch(pop, n):
    """Message n as octets; poplib cuts it into lines."""
    return b"".join(line + b"\r\n" for line in pop.retr(n)[1])


def collect(server, mail):
    """Collects all, and compares with what was sent; the UIDLs."""
    seen, octets, equal = {}, 0, 0
    with Step("collecting") as step:
        for at, name in enumerate(NAMES):
            sent = mail[at::2]
            with session(server, name) as pop:
                seen[name] = uidls(pop)
                if len(seen[name]) != len(sent):
                    raise Trouble(f"{name} has {len(seen[name])} messages, "
                                  f"not {len(sent)}")
                for n, body in enumerate(sent, 1):
                    got = strip_trace(fetch(pop, n))
                    octets += len(got)
                    equal += got == repaired(body)
                    step.progress(f"{n} of {len(sent)} for {name}")
        step.done(f"{len(mail)} messages, {size(octets)}, by POP3S, "
                  "certificate checked")
    with Step("comparing") as step:
        step.done(f"{equal} of {len(mail)} equal, octet by octet")
    if equal != len(mail):
        raise Trouble(f"{len(mail) - equal} messages came back changed")
    return seen


def collect_again(server, seen):
    with Step("again") as step:
        new = 0
        for name in NAMES:
            with session(server, name) as pop:
                new += len(set(uidls(pop)) - set(seen[name]))
        if new:
            raise Trouble(f"{new} messages have a new UIDL")
        step.done("a second collection finds nothing new")


# ---- the end ----

def tell_how(server):
    name = NAMES[0]
    word = server.passwords[name]
    no_curl = "" if shutil.which("curl") else " (apt-get install curl)"
    config = server.config
    print(f"""
Look at it yourself. The post office listens on 127.0.0.1 only:

  POP3S {server.base + 995}    POP3 {server.base + 110} (STLS)    \
SMTP {server.base + 25}    LMTP {server.base + 24}

Log in as   {NAMES[0]}    password {server.passwords[NAMES[0]]}
       or   {NAMES[1]}      password {server.passwords[NAMES[1]]}

Collect, send, and look at the server{no_curl}:

  curl --cacert {server.ca} \\
       -u {name}:{word} pop3s://127.0.0.1:{server.base + 995}/1
  curl --mail-from you@example.net --mail-rcpt {name} \\
       -T README.md smtp://127.0.0.1:{server.base + 25}
  {YUBIN} status -c {config}
  {YUBIN} account show -c {config} {name}

A mail program: POP3, server localhost, port {server.base + 995}, SSL/TLS, \
and the
certificate authority {server.ca}
""", flush=True)


def stay(server):
    try:
        print("Ctrl-C ends it.", flush=True)
        while server.proc.poll() is None:
            time.sleep(0.2)
    except KeyboardInterrupt:
        print("\nending", flush=True)
        return
    raise Trouble(f"the server ended; its log:\n{server.log_tail()}")


def show(args, folder):
    if args.mail is not None:
        mail = read_mail(args.mail)
    else:
        mail = {f"message {n}": body for n, body in
                enumerate(mailgen.messages(MESSAGES), 1)}
    server = Server(folder, choose_base(args.port_base))
    try:
        server.start()
        server.make_accounts()
        send(server, mail)
        collect_again(server, collect(server, list(mail.values())))
        if args.exit:
            return
        tell_how(server)
        stay(server)
    finally:
        # A second Ctrl-C would leave a server behind.
        Signals.ignore()
        server.stop()


def arguments():
    # --help is scripts/demo's own.
    parser = argparse.ArgumentParser(
        prog="scripts/demo", add_help=False, allow_abbrev=False,
        usage="scripts/demo [--exit] [--mail DIR] [--port-base N]")
    parser.add_argument("--exit", action="store_true")
    parser.add_argument("--mail", metavar="DIR")
    parser.add_argument("--port-base", metavar="N", type=int, default=2000)
    args = parser.parse_args()
    if not 1 <= args.port_base <= 64000:
        parser.error("--port-base takes a number from 1 to 64000")
    return args


def main():
    args = arguments()
    Signals.catch()
    folder = tempfile.mkdtemp(prefix="yubin-demo-")
    # Run by root, the server becomes other users, who have to get there.
    os.chmod(folder, 0o755)
    try:
        build()
        show(args, folder)
    except Trouble as e:
        print(f"\nscripts/demo: {e}", file=sys.stderr)
        return 1
    except (OSError, smtplib.SMTPException, poplib.error_proto,
            AssertionError) as e:
        print(f"\nscripts/demo: {type(e).__name__}: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", flush=True)
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
