"""What is measured: one Row a line of the table, with the ratio that it is to
reach and the one that it aims for."""
import collections

Dataset = collections.namedtuple("Dataset", "letter accounts messages size")

TEN = Dataset("e", 100, 10, 1024)
THOUSAND = Dataset("t", 8, 1000, 1024)
HUNDRED_THOUSAND = Dataset("h", 1, 100000, 512)
# With so many messages a session, its login is not seen in them.
MAIL_1K = THOUSAND
MAIL_10K = Dataset("k", 8, 200, 10240)
MAIL_75K = Dataset("l", 4, 100, 76800)
MAIL_1M = Dataset("m", 4, 20, 1024 * 1024)
DATASETS = (TEN, THOUSAND, HUNDRED_THOUSAND, MAIL_10K, MAIL_75K, MAIL_1M)
# Where deliveries go.
INBOUND = Dataset("d", 100, 0, 10240)

SESSION_PEERS = ("dovecot-perf", "dovecot-shared")
ALL_PEERS = ("dovecot-perf", "dovecot-shared", "dovecot-maildir")
MAIL_PEERS = ("dovecot-perf", "dovecot-maildir")


class Row:
    def __init__(self, name, title, case, data, reach, aim, *, connections=8,
                 pipelined=False, tls=False, options=(), peers=SESSION_PEERS,
                 unit="us", group=""):
        self.name, self.title, self.case, self.data = name, title, case, data
        self.reach, self.aim = reach, aim
        self.connections, self.pipelined = connections, pipelined
        self.tls, self.options, self.peers = tls, list(options), peers
        # us: an operation; us/MB; KiB: a connection, where `reach` and `aim`
        # are no ratios but what it may cost.
        self.unit = unit
        self.group = group

    @property
    def cost(self):
        """What of a result is compared."""
        return {"us": "server_cpu_us", "us/MB": "cpu_us_a_mb",
                "KiB": "memory_kib"}[self.unit]


def retr(name, title, data, reach, aim, pipelined, **more):
    return Row(name, title, "pop3-fetch", data, reach, aim, connections=4,
               pipelined=pipelined, peers=ALL_PEERS, group="RETR", **more)


def session(name, title, data, reach, aim, **more):
    return Row(name, title, "pop3-empty", data, reach, aim, group="sessions",
               **more)


ROWS = [
    session("session-8", "session, 10 messages, 8 connections", TEN, 12, 15),
    session("session-64", "session, 10 messages, 64 connections", TEN, 12,
            15, connections=64),
    session("pipelined-8", "the same pipelined, 8 connections", TEN, 15, 24,
            pipelined=True),
    session("pipelined-64", "the same pipelined, 64 connections", TEN, 15, 24,
            pipelined=True, connections=64),
    session("session-1000", "session, 1,000 messages", THOUSAND, 25, 40),
    session("session-100k", "session, 100,000 messages, 1 connection",
            # The other Dovecot was never better at it, and takes as long to
            # be filled.
            HUNDRED_THOUSAND, 50, 100, connections=1,
            peers=("dovecot-perf",)),
    session("tls-session", "POP3S session, full TLS 1.3 handshake", TEN, 3.5,
            4.2, tls=True),
    retr("retr-1k", "RETR 1 KB, one by one", MAIL_1K, 4, 4.5, False),
    retr("retr-1k-pipelined", "RETR 1 KB, pipelined", MAIL_1K, 16, 28, True),
    retr("retr-10k", "RETR 10 KB, one by one", MAIL_10K, 5, 7, False),
    retr("retr-10k-pipelined", "RETR 10 KB, pipelined", MAIL_10K, 10, 14,
         True),
    retr("retr-75k", "RETR 75 KB, pipelined", MAIL_75K, 4.5, 6, True),
    retr("retr-1m", "RETR 1 MB, pipelined", MAIL_1M, 4, 4.5, True),
    # Dovecot cuts TLS connections off when QUIT is sent behind RETR.
    retr("tls-bulk", "POP3S bulk, per MB", MAIL_1M, 6, 7.5, True, tls=True,
         unit="us/MB", options=["--quit-alone"]),
    Row("lmtp-50", "LMTP 10 KB, durable, 50 connections", "lmtp", INBOUND, 18,
        25, connections=50, pipelined=True, peers=MAIL_PEERS,
        group="deliveries"),
    Row("lmtp-1", "LMTP 10 KB, durable, 1 connection", "lmtp", INBOUND, 3.5,
        4.5, connections=1, pipelined=True, peers=MAIL_PEERS,
        group="deliveries"),
    Row("idle-plain", "idle connection after login, memory", "pop3-idle", TEN,
        3, 1, connections=2000, peers=("dovecot-shared",), unit="KiB",
        group="memory"),
    Row("idle-tls", "the same by TLS", "pop3-idle", TEN, 22, 18,
        connections=1000, tls=True, peers=("dovecot-shared",), unit="KiB",
        group="memory"),
]
