"""What is no ratio of one row: how cost, rate and latency go with the size of
a maildrop, of a message, with connections and accounts, and what a crowd or a
second core changes. Each returns {"points": [...], "facts": {...}}."""
import contextlib
import subprocess

from measure import kept, median, say
from rows import (HUNDRED_THOUSAND, MAIL_10K, MAIL_1K, MAIL_1M,
                  MAIL_75K, TEN)
from servers import DOMAIN, PASSWORD, Failure

SMALL = 512
# The first opening of what was just filled may wait for a slow disk.
PATIENCE = 120


def point(server, x, result):
    return {"server": server.name, "x": x, **kept(result)}


def pop3(s, server, case, users, *words, count=None):
    """For the usual time, or so many sessions."""
    length = ["--count", count, "--timeout", PATIENCE] if count else [
        "--seconds", s.args.seconds]
    return s.bench(server, case, *users, "--password", PASSWORD, *length,
                   *words, f"127.0.0.1:{server.pop3}",
                   limit=s.args.seconds + 300)


def deliver(s, server, user, count, *words, size=SMALL):
    return s.bench(server, "lmtp", "--user", user, "--count", count, "--size",
                   size, "--pipelined", "--timeout", PATIENCE, *words,
                   f"127.0.0.1:{server.lmtp}")


def each(s, names, points, measure):
    """`measure` on each server that can be had; the others are told of."""
    for name in names:
        try:
            measure(s.server(name))
        except Failure as e:
            say(f"  {e}")
            points.append({"server": name, "error": str(e)})


def show(p):
    say(f"  {p['server']:16} {p['x']:>9} {p.get('server_cpu_us', 0):12.2f} us "
        f"{p['rate']:10.1f}/s  p50 {p['p50_ms']:.3f}  p99 {p['p99_ms']:.3f}")


def maildrop_size(s):
    """Sessions that find nothing, one at a time, over what there is."""
    points, facts = [], {}
    most = 100000 if s.args.quick else 1000000

    def measure(server):
        own = server.name == "yubin"
        have = 0
        user = f"g0000@{DOMAIN}"
        for n in (10, 100, 1000, 10000, 100000, 1000000):
            if n > (most if own else 10000 if s.args.quick else 100000):
                break
            if own:
                deliver(s, server, user, n - have, "-c", 50)
            elif n <= 1000:
                deliver(s, server, user, n - have, "-c", 8)
            elif n == 100000:
                # As the row of that size has it.
                s.fill(server, HUNDRED_THOUSAND)
                user = f"{HUNDRED_THOUSAND.letter}0000@{DOMAIN}"
            else:
                server.bring(user, n - have, SMALL)
            have = n
            users = ["--user", user]
            first = pop3(s, server, "pop3-empty", users + ["-c", 1], count=1)
            p = point(server, n, pop3(s, server, "pop3-empty", users +
                                      ["-c", 1]))
            p["first_ms"] = first["p50_ms"]
            show(p)
            points.append(p)

    each(s, ["yubin", *s.peers("dovecot-perf")], points, measure)
    own = {p["x"]: p for p in points if p["server"] == "yubin" and "x" in p}
    if 1000000 in own and 100000 in own:
        for key in ("server_cpu_us", "first_ms"):
            facts[f"million_{key}"] = own[1000000][key] / own[100000][key]
    return {"points": points, "facts": facts}


def message_size(s):
    """RETR one by one over the size of a message."""
    points = []

    def measure(server):
        for data in (MAIL_1K, MAIL_10K, MAIL_75K, MAIL_1M):
            s.fill(server, data)
            p = point(server, data.size,
                      pop3(s, server, "pop3-fetch", s.users(data), "-c", 4))
            show(p)
            points.append(p)

    each(s, ["yubin", *s.peers("dovecot-maildir")], points, measure)
    return {"points": points, "facts": {}}


def connections(s):
    """Sessions that find nothing over connections at once."""
    points = []

    def measure(server):
        s.fill(server, TEN)
        for n in (1, 4, 16, 64, 256):
            p = point(server, n, pop3(s, server, "pop3-empty", s.users(TEN),
                                      "-c", n))
            show(p)
            points.append(p)

    each(s, ["yubin", *s.peers("dovecot-perf", "dovecot-shared")], points,
         measure)
    return {"points": points, "facts": {}}


def accounts(s):
    """Sessions over how many accounts there are: the same few that come
    again, thousands that do, and all in no order, most of which come for the
    first time. The runs take turns: what is looked for is smaller than noise.
    """
    most = 10000 if s.args.quick else 1000000
    sizes = sorted({min(n, most) for n in (10, 1000, 100000, 1000000)})
    few, many = 10, 10000
    points, facts = [], {}
    with contextlib.ExitStack() as stack:
        servers = {}
        for n in sizes:
            servers[n] = stack.enter_context(s.fresh("yubin", users=()))
            servers[n].add_accounts(f"u{i:07}@{DOMAIN}" for i in range(n))

        def users(n):
            return ["--users", f"u%07d@{DOMAIN}", "--accounts", n]

        def known(server, n):
            pop3(s, server, "pop3-login", users(n), count=n)

        for server in servers.values():
            known(server, few)
        runs = {n: [] for n in sizes}
        for _ in range(s.args.runs):
            for n, server in servers.items():
                runs[n].append(pop3(s, server, "pop3-empty", users(few)))
        for n, server in servers.items():
            p = point(server, n, median(runs[n], "server_cpu_us"))
            every = pop3(s, server, "pop3-login", [*users(n), "--random"])
            p["first_cpu_us"] = every["server_cpu_us"]
            p["first_p99_ms"] = every["p99_ms"]
            show(p)
            points.append(p)
        known(servers[most], many)
        facts["many"] = many
        facts["many_cpu_us"] = median(
            [pop3(s, servers[most], "pop3-empty", [*users(many), "--random"])
             for _ in range(s.args.runs)], "server_cpu_us")["server_cpu_us"]
        say(f"  {many} of {most} in no order: {facts['many_cpu_us']:.2f} us")
    facts["growth"] = points[-1]["server_cpu_us"] / points[0]["server_cpu_us"]
    return {"points": points, "facts": facts}


def filling(s):
    """Deliveries into one maildrop while it fills."""
    points = []

    def measure(server):
        own, had = server.name == "yubin", 0
        marks = [1000, 2000, 5000, 10000]
        if own:
            marks += [20000, 50000, 100000, 200000]
        for n in marks[:len(marks) // 2 if s.args.quick else None]:
            p = point(server, n,
                      deliver(s, server, f"f0000@{DOMAIN}", n - had, "-c",
                              50 if own else 8, size=1024))
            had = n
            show(p)
            points.append(p)

    each(s, ["yubin", *s.peers("dovecot-perf", "dovecot-maildir")], points,
         measure)
    own = [p["rate"] for p in points if p["server"] == "yubin" and "x" in p]
    facts = {"last_to_first": own[-1] / own[0]} if own else {}
    return {"points": points, "facts": facts}


def crowd(s):
    """What 5,000 idle connections, and slow ones, cost the busy ones. The
    runs take turns, since what is looked for is smaller than noise."""
    server = s.server("yubin")
    s.fill(server, TEN)
    n = 500 if s.args.quick else 5000
    kinds = {"alone": [], f"{n} idle": ["--idle", n],
             "200 slow": ["--slow", 200]}
    points = []
    for turn in range(s.args.runs):
        for x, words in kinds.items():
            p = point(server, x, pop3(s, server, "pop3-empty", s.users(TEN),
                                      "-c", 8, *words))
            show(p)
            points.append(p)
    return {"points": points, "facts": {"idle": n}}


def resumption(s):
    """POP3S sessions by both versions of TLS, with full handshakes and with
    those that resume the session before."""
    points = []

    def measure(server):
        s.fill(server, TEN)
        for version in ("1.2", "1.3"):
            for how in ([], ["--resume"]):
                r = s.bench(server, "pop3-empty", *s.users(TEN), "--password",
                            PASSWORD, "--seconds", s.args.seconds, "--tls",
                            "--tls-version", version, *how,
                            f"127.0.0.1:{server.pop3s}",
                            limit=s.args.seconds + 120)
                p = point(server, f"{version}{' resumed' * bool(how)}", r)
                p["resumed"] = r["resumed"] / r["handshakes"]
                show(p)
                points.append(p)

    each(s, ["yubin", *s.peers("dovecot-shared")], points, measure)
    return {"points": points, "facts": {}}


def both_cores(s, server, words):
    """Load from all cores at once; the sums."""
    cores = s.args.server_cores + s.args.load_cores
    argv = [s.args.yubin, "bench", "pop3-empty", *map(str, words), "--warmup",
            "1", "--json", *server.cpu_option(), f"127.0.0.1:{server.pop3}"]
    procs = [subprocess.Popen(["taskset", "-c", str(c), *argv],
                              stdout=subprocess.PIPE, text=True)
             for c in cores]
    results = []
    for p in procs:
        out, _ = p.communicate(timeout=s.args.seconds + 60)
        if p.returncode != 0:
            raise Failure("the load from both cores failed")
        results.append(s.parse(out))
    rate = sum(r["rate"] for r in results)
    # Each has read the whole group while the other made load as well.
    used = sum(r["server_core_percent"] for r in results) / len(results)
    return {"rate": rate, "server_cpu_us": used * 1e4 / rate,
            "p50_ms": max(r["p50_ms"] for r in results),
            "p99_ms": max(r["p99_ms"] for r in results), "cores": used / 100}


def workers(s):
    """Two workers on two cores against one on one: load from both cores."""
    if not s.args.load_cores:
        raise Failure("one core only")
    points = []
    data = TEN
    words = [*s.users(data), "--password", PASSWORD, "-c", 32, "--seconds",
             s.args.seconds]
    both = s.args.server_cores + s.args.load_cores
    for n, cores in ((1, s.args.server_cores), (2, both)):
        with s.fresh("yubin", cores=cores, workers=n) as server:
            s.fill(server, data)
            runs = [both_cores(s, server, words) for _ in range(s.args.runs)]
            r = sorted(runs, key=lambda r: r["rate"])[(len(runs) - 1) // 2]
            p = {"server": "yubin", "x": n, **r}
            say(f"  {n} workers: {r['rate']:.0f}/s, {r['server_cpu_us']:.2f} "
                f"us, {r['cores']:.2f} cores")
            points.append(p)
    one, two = points
    return {"points": points, "facts": {
        "rate": two["rate"] / one["rate"],
        "capacity": 2 * one["server_cpu_us"] / two["server_cpu_us"]}}


SHAPES = {
    "maildrop-size": ("sessions over the size of a maildrop", maildrop_size),
    "message-size": ("RETR over the size of a message", message_size),
    "connections": ("sessions over connections", connections),
    "accounts": ("sessions over accounts", accounts),
    "filling": ("deliveries while a maildrop fills", filling),
    "crowd": ("a busy load beside idle and slow connections", crowd),
    "resumption": ("POP3S sessions, full and resumed", resumption),
    "workers": ("two workers on two cores", workers),
}
