"""Postfix and Exim as they are in Debian, in folders of their own.

Their packages cannot be installed beside each other, and would open port 25
and make users; so scripts/install-deps only unpacks them, and they run where
another /etc/passwd and /etc/group are mounted for them alone. That needs root.
"""
import contextlib
import os
import re
import smtplib
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
UNPACKED = os.environ.get("YUBIN_MAIL_SYSTEMS",
                          os.path.join(ROOT, "build/mail-systems"))
# Numbers that no system of Debian gives by itself.
USERS = ("postfix:x:64871:64871::/:/bin/false\n"
         "Debian-exim:x:64872:64872::/:/bin/false\n")
GROUPS = "postfix:x:64871:\npostdrop:x:64873:\nDebian-exim:x:64872:\n"


def why_not():
    """Why they cannot run here; empty if they can."""
    if os.geteuid() != 0:
        return "Postfix and Exim need root"
    if not os.path.isdir(os.path.join(UNPACKED, "postfix")):
        return "scripts/install-deps test has not unpacked Postfix and Exim"
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True)
    return "" if done.returncode == 0 else "no mount namespaces here"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class MailSystem:
    def __init__(self, office, patience):
        self.office = office
        self.patience = patience
        self.folder = os.path.join(office.folder, type(self).__name__.lower())
        os.makedirs(self.folder)
        self.inside = []
        for name, more in (("passwd", USERS), ("group", GROUPS)):
            path = os.path.join(self.folder, name)
            with open(f"/etc/{name}", encoding="utf-8") as f, \
                    open(path, "w", encoding="utf-8") as out:
                out.write(f.read() + more)
            self.inside.append(f"mount --bind {path} /etc/{name}")
        self.write("agent", "#!/bin/sh", f"exec {office.binary} deliver "
                   f"-c {office.config} \"$@\"", mode=0o755)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, *lines, mode=0o644):
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
        os.chmod(self.path(name), mode)

    def argv(self, *words):
        return ["unshare", "-m", "sh", "-ec",
                " && ".join(self.inside) + ' && exec "$@"', "sh", *words]

    def run(self, *words, data=b"", codes=(0,)):
        done = subprocess.run(self.argv(*words), input=data,
                              capture_output=True, timeout=self.patience,
                              env={**os.environ, **self.environment()})
        assert done.returncode in codes, (words, done.returncode, done.stdout,
                                          done.stderr, self.log()[-4000:])
        return done.stdout.decode(errors="replace")

    def environment(self):
        return {}

    def wait_log(self, pattern, mark=0):
        end = time.monotonic() + self.patience
        while not re.search(pattern, self.log()[mark:]):
            assert time.monotonic() < end, (pattern, self.log()[mark:])
            time.sleep(0.05)

    def log(self):
        with contextlib.suppress(FileNotFoundError):
            with open(self.log_path, encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        return ""


class Postfix(MailSystem):
    # What its log says of a message that it keeps, and of one delivered.
    KEPT = "status=deferred"
    SENT = "status=sent"
    BOUNCED = "status=bounced"

    def __init__(self, office, patience, transport, more=()):
        """`transport` is lmtp-inet, lmtp-unix or deliver; `more` are lines
        of main.cf."""
        super().__init__(office, patience)
        # One that takes all, and one that asks whether a recipient is there.
        self.port, self.asking_port = free_port(), free_port()
        self.transport = transport
        self.log_path = self.path("maillog")
        top = os.path.join(UNPACKED, "postfix")
        self.top = top
        for name in ("spool", "data", "etc"):
            os.makedirs(self.path(name))
        os.chown(self.path("data"), 64871, 64871)
        os.chmod(self.folder, 0o755)
        self.write(
            "etc/main.cf", "compatibility_level = 3.6",
            f"queue_directory = {self.path('spool')}",
            f"meta_directory = {top}/etc/postfix",
            f"data_directory = {self.path('data')}",
            f"command_directory = {top}/usr/sbin",
            f"daemon_directory = {top}/usr/lib/postfix/sbin",
            "shlib_directory = no", "mail_owner = postfix",
            "setgid_group = postdrop", f"maillog_file = {self.log_path}",
            f"maillog_file_prefixes = {self.folder}",
            "import_environment = MAIL_CONFIG LD_LIBRARY_PATH LC_ALL=C",
            "export_environment = LD_LIBRARY_PATH LC_ALL=C "
            "YUBIN_STRICT_CAGE",
            "myhostname = relay.example.net", "mydestination =",
            "mynetworks_style = host", "inet_interfaces = 127.0.0.1",
            "inet_protocols = ipv4", "alias_maps =", "local_recipient_maps =",
            "smtp_dns_support_level = disabled", "biff = no",
            "relayhost = [127.0.0.1]:1", "notify_classes =",
            "message_size_limit = 0", "virtual_mailbox_limit = 0",
            # It shall try again when told to, not by itself.
            "minimal_backoff_time = 3600s", "queue_run_delay = 3600s",
            "virtual_mailbox_domains = example.org",
            "agent_destination_recipient_limit = 1",
            "virtual_transport = " + {
                "lmtp-inet": f"lmtp:inet:127.0.0.1:{office.lmtp_port}",
                "lmtp-unix": f"lmtp:unix:{office.lmtp_socket}",
                "deliver": "agent"}[transport],
            "smtpd_recipient_restrictions = reject_unauth_destination",
            "unverified_recipient_reject_code = 550",
            "address_verify_poll_delay = 1s", *more)
        self.write(
            "etc/master.cf",
            f"127.0.0.1:{self.port} inet n - n - - smtpd",
            f"127.0.0.1:{self.asking_port} inet n - n - - smtpd",
            "  -o smtpd_recipient_restrictions=reject_unauth_destination,"
            "reject_unverified_recipient",
            "pickup unix n - n 60 1 pickup",
            "cleanup unix n - n - 0 cleanup",
            "qmgr unix n - n 300 1 qmgr",
            "rewrite unix - - n - - trivial-rewrite",
            "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce",
            "trace unix - - n - 0 bounce", "verify unix - - n - 1 verify",
            "flush unix n - n 1000? 0 flush",
            "proxymap unix - - n - - proxymap",
            "smtp unix - - n - - smtp", "showq unix n - n - - showq",
            "error unix - - n - - error", "retry unix - - n - - error",
            "lmtp unix - - n - - lmtp", "anvil unix - - n - 1 anvil",
            "scache unix - - n - 1 scache",
            "postlog unix-dgram n - n - 1 postlogd",
            "agent unix - n n - - pipe",
            f"  user=nobody argv={self.path('agent')} -f ${{sender}} "
            "${recipient}")
        self.run(f"{top}/usr/sbin/postfix", "-c", self.path("etc"), "start")

    def environment(self):
        return {"LD_LIBRARY_PATH": f"{self.top}/usr/lib/postfix",
                "MAIL_CONFIG": self.path("etc")}

    def send(self, user, body, sender="sender@example.net"):
        with smtplib.SMTP("127.0.0.1", self.port,
                          timeout=self.patience) as s:
            s.sendmail(sender, [user], body)

    def queued(self):
        out = self.run(f"{self.top}/usr/sbin/postqueue", "-p")
        m = re.search(r"in (\d+) Requests?", out)
        return int(m.group(1)) if m else 0

    def flush(self):
        self.run(f"{self.top}/usr/sbin/postqueue", "-f")

    def stop(self):
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self.run(f"{self.top}/usr/sbin/postfix", "-c", self.path("etc"),
                     "stop")


class Exim(MailSystem):
    KEPT = r"== \S+ .* defer"
    SENT = "=> "
    BOUNCED = r"\*\* "

    def __init__(self, office, patience, transport):
        super().__init__(office, patience)
        self.transport = transport
        self.exim = os.path.join(UNPACKED, "exim4-daemon-light/usr/sbin/exim4")
        self.spool = self.path("spool")
        os.makedirs(self.spool)
        os.chown(self.spool, 64872, 64872)
        self.log_path = self.path("spool/log/main")
        handover = {
            "lmtp-inet": ["driver = smtp", "protocol = lmtp",
                          "hosts = 127.0.0.1", "hosts_override",
                          "allow_localhost",
                          f"port = {office.lmtp_port}"],
            "smtp": ["driver = smtp", "hosts = 127.0.0.1", "hosts_override",
                     "allow_localhost", f"port = {office.smtp_port}"],
            "lmtp-unix": ["driver = lmtp", f"socket = {office.lmtp_socket}",
                          "user = nobody"],
            # Addresses come by the environment: Exim takes none that
            # strangers may have written on a command line.
            "deliver": ["driver = pipe",
                        f"command = /bin/sh -c 'exec {self.path('agent')} "
                        "-f \"\\$SENDER\" -- \"\\$RECIPIENT\"'",
                        "user = nobody", "return_fail_output",
                        # 75 is EX_TEMPFAIL
                        "temp_errors = 75", "message_prefix =",
                        "message_suffix ="]}[transport]
        # Elsewhere than here Debian's Exim takes a configuration only without
        # the rights to deliver as others.
        os.makedirs(self.path("lib/exim4"))
        self.inside.append(f"mount --bind {self.path('lib')} /var/lib")
        self.write(
            "lib/exim4/config.autogenerated", "primary_hostname = relay.example.net",
            f"exim_path = {self.exim}", "keep_environment =",
            "ignore_bounce_errors_after = 0s",
            f"spool_directory = {self.spool}",
            f"log_file_path = {self.spool}/log/%s",
            "trusted_users = root", "never_users =", "host_lookup =",
            "recipient_unqualified_hosts = *", "queue_only = false",
            "message_size_limit = 100M",
            "begin routers", "here:",
            "  driver = accept", "  domains = example.org",
            "  transport = handover", "begin transports", "handover:",
            *("  " + line for line in handover),
            # It shall try again when told to, not by itself.
            "begin retry", "* * F,4d,1h")

    def send(self, user, body, sender="sender@example.net"):
        # -oep: no message of what went wrong; -odf: try at once, and wait.
        self.run(self.exim, "-i", "-odf", "-oep", "-f", sender or "<>", user,
                 data=body.replace(b"\r\n", b"\n"))

    def queued(self):
        return int(self.run(self.exim, "-bpc"))

    def flush(self):
        self.run(self.exim, "-qff")

    def stop(self):
        pass
