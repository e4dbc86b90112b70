"""Runs `yubin bench` against servers, in turn, and keeps what it found."""
import contextlib
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

from rows import DATASETS, INBOUND
from servers import (DELIVER_MAX, DOMAIN, FILL_MAX_S, PASSWORD, PEERS,
                     Failure, Peer, Yubin, pinned)


def say(text):
    print(text, file=sys.stderr, flush=True)


def all_users():
    return [f"{d.letter}{i:04}@{DOMAIN}" for d in (*DATASETS, INBOUND)
            for i in range(d.accounts)] + [f"f0000@{DOMAIN}",
                                           f"g0000@{DOMAIN}"]


class Session:
    """One run of the comparison: its servers and how long to measure."""

    def __init__(self, args, folder):
        self.args = args
        self.folder = folder
        self.servers = {}
        self.broken = {}
        self.load_cores = args.load_cores
        self.numbers = itertools.count(1)

    def server(self, name):
        """The server of that name, started at its first use."""
        if name in self.broken:
            raise Failure(f"{name}: {self.broken[name]}")
        if name in self.servers:
            return self.servers[name]
        new = self.new(name, self.folder, self.args.server_cores)
        self.servers[name] = new  # stop() copes with half of one
        try:
            if name != "yubin":
                new.install()
            new.start(all_users())
        except (Failure, OSError, subprocess.SubprocessError) as e:
            self.broken[name] = str(e)
            raise Failure(f"{name}: {e}") from None
        return new

    def new(self, name, folder, cores, workers=1):
        if name == "yubin":
            return Yubin(self.args.yubin, folder, cores, workers)
        return Peer(name, *PEERS[name], folder, cores)

    @contextlib.contextmanager
    def fresh(self, name, users=None, cores=None, workers=1):
        """A server of its own, for what others would leave traces in."""
        folder = os.path.join(self.folder, f"fresh-{next(self.numbers)}")
        os.makedirs(folder)
        os.chmod(folder, 0o755)
        server = self.new(name, folder, cores or self.args.server_cores,
                          workers)
        try:
            server.start(all_users() if users is None else users)
            yield server
        except (OSError, subprocess.SubprocessError) as e:
            raise Failure(f"{name}: {e}") from None
        finally:
            stop(server)
            shutil.rmtree(folder, ignore_errors=True)

    def peers(self, *names):
        return [n for n in names if n in self.args.peers]

    def stop(self):
        for server in self.servers.values():
            stop(server)

    # ---- the load ----

    def bench(self, server, case, *words, cpu=True, limit=FILL_MAX_S):
        """One run of `yubin bench`; its result."""
        argv = pinned(self.load_cores) + [
            self.args.yubin, "bench", case, *map(str, words), "--json",
            *(server.cpu_option() if cpu else [])]
        try:
            done = subprocess.run(argv, capture_output=True, text=True,
                                  timeout=limit)
        except subprocess.TimeoutExpired:
            raise Failure(f"{server.name}: {case} takes too long") from None
        if done.returncode != 0:
            raise Failure(f"{server.name}: {case}: "
                          f"{done.stderr.strip()[-500:]}")
        return self.parse(done.stdout)

    @staticmethod
    def parse(text):
        result = json.loads(text)
        if result.get("server_cpu_us") and result["in_octets"]:
            result["cpu_us_a_mb"] = (result["server_cpu_us"] *
                                     result["operations"] * 1e6 /
                                     result["in_octets"])
        return result

    def users(self, data):
        return ["--users", f"{data.letter}%04d@{DOMAIN}", "--accounts",
                data.accounts]

    def scaled(self, data):
        """The dataset, smaller when it has to be quick."""
        if self.args.quick and data.messages > DELIVER_MAX:
            return data._replace(messages=data.messages // 10)
        return data

    def fill(self, server, data):
        """Brings the mail of a dataset, once, and has everybody log in: what
        checks passwords remembers that."""
        data = self.scaled(data)
        if data in server.filled or data.messages == 0:
            return
        begun = time.monotonic()
        if server.can_import and data.messages > DELIVER_MAX:
            for i in range(data.accounts):
                server.bring(f"{data.letter}{i:04}@{DOMAIN}", data.messages,
                             data.size)
        else:
            self.bench(server, "lmtp", *self.users(data), "-c",
                       50 if server.name == "yubin" else 8, "--count",
                       data.accounts * data.messages, "--size", data.size,
                       "--pipelined", f"127.0.0.1:{server.lmtp}", cpu=False)
        self.bench(server, "pop3-empty", *self.users(data), "-c", 8,
                   "--password", PASSWORD, "--count", data.accounts,
                   f"127.0.0.1:{server.pop3}", cpu=False)
        server.filled.add(data)
        say(f"  {server.name}: {data.accounts} maildrops of {data.messages} "
            f"messages in {time.monotonic() - begun:.1f} s")

    def once(self, server, row, warmup):
        """One measurement of one row."""
        words = [*self.users(row.data), "-c", row.connections, "--warmup",
                 warmup, "--seconds", self.args.seconds, *row.options]
        port = server.pop3s if row.tls else server.pop3
        if row.case == "lmtp":
            words += ["--size", row.data.size]
            port = server.lmtp
        else:
            words += ["--password", PASSWORD]
        if row.pipelined:
            words.append("--pipelined")
        if row.tls:
            words.append("--tls")
        return self.bench(server, row.case, *words, f"127.0.0.1:{port}",
                          limit=self.args.seconds + 120)

    # ---- rows ----

    def names(self, row):
        wanted = self.args.peers
        return ["yubin"] + [n for n in row.peers if n in wanted]

    def memory(self, name, row):
        """In a server that has only ever seen a few logins: another one may
        have room left from those that were there before."""
        with self.fresh(name) as server:
            self.fill(server, row.data)
            return self.bench(
                server, row.case, *self.users(row.data), "-c",
                self.scaled_crowd(row), "--seconds", 1, "--password",
                PASSWORD, *(["--tls"] if row.tls else []),
                f"127.0.0.1:{server.pop3s if row.tls else server.pop3}")

    def scaled_crowd(self, row):
        return row.connections // 10 if self.args.quick else row.connections

    def measure(self, name, row, first):
        if row.unit == "KiB":
            return self.memory(name, row)
        server = self.server(name)
        self.fill(server, row.data)
        return self.once(server, row, warmup=int(first))

    def row(self, row):
        """Measures the row on all its servers, in turn, several times."""
        say(f"{row.name}: {row.title}")
        runs, errors = {}, []
        # Memory is the same every time, and slow to measure.
        turns = 1 if row.unit == "KiB" else self.args.runs
        for turn in range(turns):
            for name in self.names(row):
                try:
                    result = self.measure(name, row, first=turn == 0)
                    if not result.get(row.cost):
                        raise Failure(f"{name}: its {row.cost} is not known")
                    runs.setdefault(name, []).append(kept(result))
                except Failure as e:
                    if str(e) not in errors:
                        errors.append(str(e))
                        say(f"  {e}")
        for name, results in runs.items():
            m = median(results, row.cost)
            say(f"  {name:16} {m[row.cost]:10.2f} {row.unit:6} "
                f"{m['rate']:10.1f}/s  p50 {m['p50_ms']:.3f}  "
                f"p99 {m['p99_ms']:.3f} ms")
        return {"runs": runs, "errors": errors,
                "messages": self.scaled(row.data).messages}


def kept(result):
    """What of a result the page, or a doubt about it, may want."""
    return {k: result[k] for k in (
        "operations", "seconds", "rate", "server_cpu_us", "cpu_us_a_mb",
        "memory_kib", "p50_ms", "p99_ms", "p99_9_ms", "in_octets",
        "own_cpu_us") if k in result}


def stop(server):
    try:
        server.stop()
    except (Failure, OSError, subprocess.SubprocessError) as e:
        say(f"{server.name} does not stop: {e}")


def median(results, key):
    """The run in the middle, by what it cost."""
    order = sorted(results, key=lambda r: r.get(key, 0))
    return order[(len(order) - 1) // 2]


def spread(results, key):
    """How far runs lie apart: (most - least) / median."""
    values = [r.get(key, 0) for r in results]
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0


def machine():
    def first(path, word):
        try:
            with open(path, encoding="utf-8") as f:
                for line in f:
                    if line.startswith(word):
                        return line.split(":", 1)[1].strip()
        except OSError:
            pass
        return "unknown"

    u = os.uname()
    return {"processor": first("/proc/cpuinfo", "model name"),
            "cores": os.cpu_count(), "kernel": f"{u.sysname} {u.release}",
            "memory": first("/proc/meminfo", "MemTotal"),
            "load": os.getloadavg()[0]}
