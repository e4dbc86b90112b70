#!/usr/bin/env python3
"""Plants one fault at a time and runs the test that has to find it.

usage: tests/mutants/run.py [BUILD] [WORD]

BUILD is a build directory with tests (build/release). A fault is a piece of
source that is replaced; the changed file is compiled as the build does, and
linked into the test program in place of the good one. A fault that the test
does not find fails this run, and so does one that is no longer in the source:
a test that cannot fail proves nothing. WORD picks faults by their names.
"""
import importlib
import os
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SETS = ["store"]
# The slowest finder takes seconds.
LIMIT_S = 120


class Build:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.out = os.path.join(self.folder, "mutants")
        os.makedirs(self.out, exist_ok=True)

    def commands(self, target):
        done = subprocess.run(["ninja", "-C", self.folder, "-t", "commands",
                               target], capture_output=True, text=True,
                              check=True)
        return done.stdout.split("\n")

    def compile(self, source, mutated, obj):
        """As the build compiles `source`."""
        command = next(c for c in self.commands("all") if " -c " in c and c.endswith(os.path.join(ROOT, source)))
        words = shlex.split(command)
        words[words.index("-o") + 1] = obj
        words[words.index("-c") + 1] = mutated
        for flag in ("-MF", "-MT"):
            at = words.index(flag)
            del words[at:at + 2]
        words.remove("-MD")
        # The changed source has a name of its own, and may leave things
        # unused.
        words += ["-Wno-error", "-w"]
        subprocess.run(words, cwd=self.folder, check=True)

    def link(self, program, obj, out):
        """The object comes before the library, whose own is then left."""
        target = "unit_" + program.replace("/", "_")
        command = next(c for c in reversed(self.commands(target))
                       if f" -o tests/{target} " in c)
        command = command.split("&&")[1]
        words = shlex.split(command)
        at = words.index("-o")
        words[at + 1] = out
        words.insert(at, obj)
        subprocess.run(words, cwd=self.folder, check=True)


def plant(build, number, mutant):
    """The program with the fault in it."""
    _, path, old, new, program = mutant
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        text = f.read()
    if text.count(old) != 1:
        raise ValueError(f"is {text.count(old)} times in {path}, not once")
    base = os.path.join(build.out, f"{number}-{os.path.basename(path)}")
    with open(base, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    build.compile(path, base, base + ".o")
    build.link(program, base + ".o", base + ".test")
    return base + ".test"


def is_found(program, environment):
    """Whether its test fails; and what it said."""
    try:
        done = subprocess.run([program], capture_output=True, text=True,
                              timeout=LIMIT_S, errors="replace",
                              env={**os.environ, **environment})
    except subprocess.TimeoutExpired:
        return True, "did not end"
    said = [line for line in (done.stderr + done.stdout).split("\n")
            if "seed" in line or "error:" in line or "Assertion" in line]
    return done.returncode != 0, said[0].strip() if said else ""


def main():
    args = sys.argv[1:]
    if args and args[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    build = Build(args[0] if args else os.path.join(ROOT, "build/release"))
    word = args[1] if len(args) > 1 else ""
    sys.path.insert(0, HERE)
    found = missed = 0
    for name in SETS:
        faults = importlib.import_module(name)
        for number, mutant in enumerate(faults.MUTANTS):
            if word not in mutant[0]:
                continue
            try:
                good, said = is_found(
                    plant(build, f"{name}{number}", mutant),
                    faults.ENVIRONMENT)
            except (ValueError, subprocess.CalledProcessError) as e:
                good, said = False, str(e)
            found += good
            missed += not good
            print(f"{'found ' if good else 'MISSED'}  {mutant[0]}"
                  f"{': ' + said[:150] if said else ''}", flush=True)
    print(f"{found} passed, {missed} failed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
