"""Runs `yubin bench` against servers, in turn, and keeps what it found."""
import json
import os
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
            for i in range(d.accounts)]


class Session:
    """One run of the comparison: its servers and how long to measure."""

    def __init__(self, args, folder):
        self.args = args
        self.folder = folder
        self.servers = {}
        self.broken = {}
        self.load_cores = args.load_cores

    def server(self, name):
        """The server of that name, started at its first use."""
        if name in self.broken:
            raise Failure(f"{name}: {self.broken[name]}")
        if name in self.servers:
            return self.servers[name]
        cores = self.args.server_cores
        if name == "yubin":
            new = Yubin(self.args.yubin, self.folder, cores)
        else:
            new = Peer(name, *PEERS[name], self.folder, cores)
        self.servers[name] = new  # stop() copes with half of one
        try:
            if name != "yubin":
                new.install()
            new.start(all_users())
        except (Failure, OSError, subprocess.SubprocessError) as e:
            self.broken[name] = str(e)
            raise Failure(f"{name}: {e}") from None
        return new

    def stop(self):
        for server in self.servers.values():
            try:
                server.stop()
            except (Failure, OSError, subprocess.SubprocessError) as e:
                say(f"{server.name} does not stop: {e}")

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
        result = json.loads(done.stdout)
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
                       max(8, min(50, data.accounts)), "--count",
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

    def row(self, row):
        """Measures the row on all its servers, in turn, several times."""
        say(f"{row.name}: {row.title}")
        runs, errors = {}, []
        for turn in range(self.args.runs):
            for name in self.names(row):
                try:
                    server = self.server(name)
                    self.fill(server, row.data)
                    runs.setdefault(name, []).append(
                        self.once(server, row, warmup=int(turn == 0)))
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
