"""What pop3_model.py and smtp_model.py share: an engine that plays a sequence
of steps, and random sequences, of which a wrong one is made small.

Steps are bytes that come, "t" for a handshake, or milliseconds that pass; a
tuple's second is what fails from here on.
"""
import argparse
import os
import random
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def word_of(step):
    if isinstance(step, bytes):
        return "h" + step.hex()
    if isinstance(step, tuple):
        return f"f{step[1]}"
    return "t" if step == "t" else f"k{step}"


class Engine:
    """A program that plays; each protocol's own adds check()."""

    def __init__(self, build, program, *args):
        self.proc = subprocess.Popen(
            [os.path.join(build, "tests", program), *args],
            env=dict(os.environ, ASAN_OPTIONS="detect_leaks=1"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self):
        self.proc.stdin.close()
        assert self.proc.wait() == 0

    def words(self, settings, steps):
        """What it says of a sequence."""
        line = " ".join([str(n) for n in settings] +
                        [word_of(step) for step in steps])
        self.proc.stdin.write(line.encode() + b"\n")
        self.proc.stdin.flush()
        return self.proc.stdout.readline().split()


def cut_up(r, steps):
    """Now and then a step comes in pieces; none is empty."""
    cut = []
    for step in steps:
        if isinstance(step, bytes) and r.random() < 0.3:
            while len(step) > 1 and len(cut) < 60:
                n = r.randrange(1, min(len(step), 40) + 1)
                cut.append(step[:n])
                step = step[n:]
        cut.append(step)
    return [s for s in cut if s != b""]


def shrink(engine, flags, a_time, steps):
    """Leaves out steps as long as it stays wrong."""
    again = True
    while again:
        again = False
        for i in range(len(steps)):
            fewer = steps[:i] + steps[i + 1:]
            if engine.check(flags, a_time, fewer):
                steps, again = fewer, True
                break
    return steps


def run(engine, sequence, seed, count):
    for n in range(count):
        r = random.Random(f"{seed}/{n}")
        flags, a_time, steps = sequence(r)
        wrong = engine.check(flags, a_time, steps)
        if wrong:
            steps = shrink(engine, flags, a_time, steps)
            wrong = engine.check(flags, a_time, steps)
            raise AssertionError(
                f"seed {seed}/{n}: {wrong}\nflags {flags}, {a_time} octets "
                "at a time\n" + "\n".join(repr(s)[:200] for s in steps))
    engine.close()


def main(model, doc, run_build):
    """The command of a model; jobs are processes of the file `model`."""
    p = argparse.ArgumentParser(description=doc)
    p.add_argument("build", nargs="?",
                   default=os.path.join(ROOT, "build/release"))
    p.add_argument("-n", type=int, default=1000000)
    p.add_argument("-s", default=str(random.randrange(1 << 32)))
    p.add_argument("-j", type=int, default=os.cpu_count())
    a = p.parse_args()
    print(f"seed {a.s}, {a.n} sequences")
    jobs = [subprocess.Popen([sys.executable, model, a.build, "-j", "1",
                              "-n", str(a.n // a.j), "-s", f"{a.s}.{i}"])
            for i in range(a.j)] if a.j > 1 else []
    if jobs:
        return max([job.wait() for job in jobs])
    run_build(a.build, a.s, a.n)
    return 0
