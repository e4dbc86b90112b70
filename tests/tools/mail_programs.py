"""Programs that collect mail, all in one shape: fetch(keep) runs one as its
users do and returns the messages that were new to it, with LF line ends.

What each adds to a message of its own accord is turned off or removed here,
and nothing else is: the rest is compared octet for octet.
"""
import os
import poplib
import re
import shutil
import ssl
import subprocess

from thunderbird import Thunderbird

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"  # the one that Debian's programs run in
WAYS = ("plain", "stls", "tls")
USER = "nobody"


def local(octets):
    return octets.replace(b"\r\n", b"\n")


class Program:
    ways = WAYS
    line_max = None  # longer lines it changes
    slow = 3  # times the patience of the tests: a program starts first

    def __init__(self, office, user, password, folder, way, variant=None):
        self.user = user
        self.password = password
        self.folder = str(folder)
        self.way = way
        self.variant = variant
        self.ca = office.ca
        self.port = office.pop3s_port if way == "tls" else office.pop3_port
        self.patience = office.patience * self.slow
        self.new = os.path.join(self.folder, "new")
        os.makedirs(self.new, exist_ok=True)

    def run(self, *argv, codes=(0,), data=None, env=None):
        done = subprocess.run(
            [str(a) for a in argv], input=data or b"", capture_output=True,
            timeout=self.patience, cwd=self.folder,
            env={**os.environ, "HOME": self.folder, **(env or {})})
        assert done.returncode in codes, (argv, done.returncode,
                                          done.stdout[-2000:],
                                          done.stderr[-2000:])
        return done

    def take(self, folder=None):
        """The messages that lie in a folder, a file each; they go."""
        found = []
        folder = folder or self.new
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                found.append(local(f.read()))
            os.unlink(path)
        return found

    def write(self, name, *lines):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
        os.chmod(path, 0o600)
        return path

    def maildir(self):
        top = os.path.join(self.folder, "Maildir")
        for part in ("new", "cur", "tmp"):
            os.makedirs(os.path.join(top, part), exist_ok=True)
        return top

    def seen(self, uidls=None):
        """Of programs that keep no book: what the last fetch saw."""
        path = os.path.join(self.folder, "seen")
        if uidls is not None:
            with open(path, "w", encoding="ascii") as f:
                f.write("\n".join(uidls))
        try:
            with open(path, encoding="ascii") as f:
                return set(f.read().split("\n"))
        except FileNotFoundError:
            return set()

    def quietly(self):
        """For large maildrops: no protocol of what is said."""

    def close(self):
        pass


class Curl(Program):
    def curl(self, tail, *more):
        scheme = "pop3s" if self.way == "tls" else "pop3"
        tls = ["--ssl-reqd"] if self.way == "stls" else []
        return self.run(
            "curl", "-sS", "--cacert", self.ca, "-u",
            f"{self.user}:{self.password}", *tls, *more,
            f"{scheme}://localhost:{self.port}/{tail}").stdout

    def fetch(self, keep=True):
        lines = self.curl("", "-X", "UIDL").decode().split("\r\n")
        uidls = dict(line.split(" ", 1) for line in lines if line)
        old = self.seen()
        wanted = [n for n, uidl in uidls.items() if uidl not in old]
        if wanted:  # all in one session
            self.curl("{" + ",".join(wanted) + "}", "-o", self.new + "/#1")
        if uidls and not keep:
            # -I: no message is waited for behind the answer.
            self.curl("{" + ",".join(uidls) + "}", "-I", "-X", "DELE")
        self.seen(uidls.values())
        return self.take()


class Poplib(Program):
    def fetch(self, keep=True):
        context = ssl.create_default_context(cafile=self.ca)
        c = poplib.POP3_SSL("localhost", self.port, context=context,
                            timeout=self.patience) \
            if self.way == "tls" else \
            poplib.POP3("localhost", self.port, timeout=self.patience)
        if self.way == "stls":
            c.stls(context)
        c.user(self.user)
        c.pass_(self.password)
        uidls = dict(line.decode().split(" ", 1) for line in c.uidl()[1])
        old = self.seen()
        found = []
        for n, uidl in uidls.items():
            if uidl not in old:
                lines = c.retr(int(n))[1]
                found.append(b"".join(line + b"\n" for line in lines))
            if not keep:
                c.dele(int(n))
        c.quit()
        self.seen(uidls.values())
        return found


class Perl(Program):
    script = None

    def fetch(self, keep=True):
        self.run("perl", os.path.join(HERE, self.script), self.port, self.way,
                 self.user, self.password, self.ca, self.folder,
                 "keep" if keep else "delete")
        return self.take()


class NetPop3(Perl):
    script = "net_pop3.pl"


class MailPop3Client(Perl):
    script = "mail_pop3client.pl"
    ways = ("plain", "tls")  # it knows no STLS


class Mpop(Program):
    """Its variant is (pipelining, auth)."""

    def fetch(self, keep=True):
        top = self.maildir()
        # "on" is the best that is there, which without TLS it refuses.
        pipelining, auth = self.variant or \
            ("auto", "user" if self.way == "plain" else "on")
        rc = self.write(
            "mpoprc", "account a", "host localhost", f"port {self.port}",
            f"user {self.user}", f"password {self.password}",
            f"tls {'off' if self.way == 'plain' else 'on'}",
            f"tls_starttls {'on' if self.way == 'stls' else 'off'}",
            f"tls_trust_file {self.ca}", f"auth {auth}",
            f"pipelining {pipelining}", f"keep {'on' if keep else 'off'}",
            f"uidls_file {self.folder}/uidls", f"delivery maildir {top}",
            "received_header off")
        self.run("mpop", "-C", rc, "-q", "a")
        return self.take(top + "/new")


class Fetchmail(Program):
    """Its variant is the words that say what to fetch."""
    line_max = 8000  # its buffer's 8,192 octets, less what it adds

    def fetch(self, keep=True):
        top = self.new
        # Without flush it leaves what it has seen where it is.
        words = (self.variant or "") + (" keep" if keep else " nokeep flush")
        tls = {"plain": "sslproto ''", "stls": "sslproto TLS1.2+",
               "tls": "ssl"}[self.way]
        if self.way != "plain":
            tls += f" sslcertfile {self.ca} sslcertck"
        rc = self.write(
            "fetchmailrc", "set invisible", "poll localhost "
            f"protocol POP3 port {self.port} uidl auth password "
            f"username \"{self.user}\" password \"{self.password}\" "
            f"{tls} {words} no rewrite pass8bits no mimedecode "
            f"mda \"/bin/sh -c 'cat >{top}/$$'\"")
        # 1: there was no mail to get; 13: fetchlimit was reached
        self.run("fetchmail", "-f", rc, "--nosyslog", "--nodetach", "-i",
                 f"{self.folder}/ids", "--pidfile", f"{self.folder}/pid",
                 codes=(0, 1, 13), env={"FETCHMAILHOME": self.folder})
        return self.take()


# getmail6 6.18 forks for each message, then waits until the handler of SIGCHLD
# tells of the child's end. It does not look whether that has been: if the child
# was faster, as on a busy machine, it waits for its timeout of 180 s and fails.
# So here it waits for the child itself. GETMAIL_LATE is how long it is busy
# with something else first.
GETMAIL = [PYTHON, "-c", """
import os, runpy, shutil, sys, time
from getmailcore.baseclasses import ForkingBase

fork, late = os.fork, float(os.environ.get("GETMAIL_LATE", "0"))

def fork_late():
    pid = fork()
    if pid:
        time.sleep(late)
    return pid

def wait(self, pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

os.fork = fork_late
ForkingBase._prepare_child = lambda self: None
ForkingBase._wait_for_child = wait
sys.argv[0] = shutil.which("getmail")
runpy.run_path(sys.argv[0], run_name="__main__")
"""]


class Getmail(Program):
    ways = ("plain", "tls")  # it knows no STLS
    slow = 9  # a process and two syncs for each of a thousand messages

    def fetch(self, keep=True):
        top = self.maildir()
        kind = "SimplePOP3SSLRetriever" if self.way == "tls" else \
            "SimplePOP3Retriever"
        ca = os.path.join(self.folder, "ca.pem")
        shutil.copy(self.ca, ca)
        self.write("getmailrc", "[retriever]", f"type = {kind}",
                   "server = localhost", f"port = {self.port}",
                   f"username = {self.user}", f"password = {self.password}",
                   *([f"ca_certs = {ca}"] if self.way == "tls" else []),
                   "[destination]", "type = Maildir", f"path = {top}/",
                   "[options]", "read_all = false", "delivered_to = false",
                   "received = false",
                   f"delete = {'false' if keep else 'true'}")
        argv = [*GETMAIL, "-q", "--getmaildir", self.folder]
        if os.geteuid() == 0:  # it refuses to write mail as root
            for at, _, names in os.walk(self.folder):
                for name in (at, *(os.path.join(at, n) for n in names)):
                    shutil.chown(name, USER, "nogroup")
            argv = ["setpriv", "--reuid", USER, "--regid", "nogroup",
                    "--clear-groups", "--", *argv]
        self.run(*argv, env={"GETMAIL_LATE": self.variant or "0"})
        return self.take(top + "/new")


class ThunderbirdProgram(Program):
    """Many accounts in one running Thunderbird, which is slow to start."""
    # It takes lines one by one: 50 MB in 35 s, or 110 where others want the
    # processor too, while the socket is full.
    slow = 6
    running = None
    OWN = re.compile(rb"\A(?:X-(?:Account-Key|UIDL|Mozilla-[A-Za-z0-9]+):"
                     rb"[^\n]*\n)+")

    @classmethod
    def end(cls):
        if cls.running:
            cls.running.close()
            cls.running = None

    def __init__(self, office, *args, **more):
        super().__init__(office, *args, **more)
        cls = ThunderbirdProgram
        if cls.running is None:
            cls.running = Thunderbird(office.folder, self.ca, self.patience)
        self.key = cls.running.add(
            user=self.user, port=self.port, password=self.password,
            auth="passwordCleartext", socket={
                "plain": "plain", "stls": "alwaysSTARTTLS",
                "tls": "SSL"}[self.way])
        # Accounts of one user share a folder.
        self.had = {name for name, _ in cls.running.messages(self.key)}
        cls.running.tell("All")

    def quietly(self):
        self.running.tell("Warn")

    def fetch(self, keep=True):
        self.running.leave(self.key, keep)
        self.running.fetch(self.key)
        found = []
        for name, octets in self.running.messages(self.key):
            if name not in self.had:
                self.had.add(name)
                found.append(self.OWN.sub(b"", octets, count=1))
        return found


PROGRAMS = {
    "curl": Curl, "poplib": Poplib, "Net::POP3": NetPop3,
    "Mail::POP3Client": MailPop3Client, "mpop": Mpop,
    "fetchmail": Fetchmail, "getmail6": Getmail,
    "Thunderbird": ThunderbirdProgram,
}
