#!/usr/bin/env python3
"""Plants one fault at a time and runs the test that has to find it.

usage: tests/mutants/run.py [--sample] [BUILD] [WORD]

BUILD is a build directory with tests (build/release). A fault is a piece of
source that is replaced; the changed file is compiled as the build does, and
linked into the program in place of the good one. (A flag of cmake/ is replaced
where the program is linked, and where one of its files is compiled.) Then its
finder runs: all of
a unit test's PROGRAM, of which one case named TEST has to fail where it says
PROGRAM::TEST, or a black-box FILE::TEST. A fault that it does not find fails
this run, and so does one that is no longer in the source: a test that cannot
fail proves nothing. WORD picks faults by their names. With --sample the quick
ones of each set are planted, as scripts/test does; all take some minutes.
"""
import functools
import importlib
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SETS = ["store", "threats", "tokens"]
# The slowest finder takes seconds.
LIMIT_S = 300
# What is compiled without a flag that is taken out of cmake/: a file with
# arrays, with formats, and with functions for others.
SPECIMEN = "src/cli/say.c"


class Build:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.out = os.path.join(self.folder, "mutants")
        os.makedirs(self.out, exist_ok=True)

    @functools.lru_cache(maxsize=None)
    def commands(self, target):
        done = subprocess.run(["ninja", "-C", self.folder, "-t", "commands",
                               target], capture_output=True, text=True,
                              check=True)
        return done.stdout.split("\n")

    def compile(self, source, mutated, obj, flags=()):
        """As the build compiles `source`; one of `flags` for the other."""
        command = next(c for c in self.commands("all") if " -c " in c and
                       c.endswith(os.path.join(ROOT, source)))
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
        subprocess.run(replaced(words, flags), cwd=self.folder, check=True)

    def link(self, program, obj, out, flags=()):
        """The object comes before the library, whose own is then left."""
        target = ("yubin" if program == "yubin" else
                  "tests/unit_" + program.replace("/", "_"))
        command = next(c for c in reversed(self.commands(target))
                       if f" -o {target} " in c)
        command = command.split("&&")[1]
        words = shlex.split(command)
        at = words.index("-o")
        words[at + 1] = out
        words.insert(at, obj)
        subprocess.run(replaced(words, flags), cwd=self.folder, check=True)


def replaced(words, flags):
    return [flags[1] if flags and word == flags[0] else word
            for word in words]


def flag_of(text):
    """What becomes of a line of cmake/ in a command."""
    if "POSITION_INDEPENDENT_CODE" in text:
        return "-pie" if " ON" in text else "-no-pie"
    return text.replace("LINKER:", "-Wl,")


def plant(build, number, mutant):
    """The program with the fault in it."""
    _, path, old, new, finder = mutant
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        text = f.read()
    if text.count(old) != 1:
        raise ValueError(f"is {text.count(old)} times in {path}, not once")
    base = os.path.join(build.out, f"{number}-{os.path.basename(path)}")
    program = "yubin" if is_black_box(finder) else finder.split("::")[0]
    if path.startswith("cmake/"):
        flags = flag_of(old), flag_of(new)
        build.compile(SPECIMEN, os.path.join(ROOT, SPECIMEN), base + ".o",
                      flags)
        build.link(program, base + ".o", base + ".test", flags)
        return base + ".test"
    with open(base, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    build.compile(path, base, base + ".o")
    build.link(program, base + ".o", base + ".test")
    return base + ".test"


def is_black_box(finder):
    return ".py::" in finder


def case_failed(text, case):
    """Whether the case was the one that failed, or that it ended in."""
    if f"[  FAILED  ] {case}\n" in text:
        return True
    begun = re.findall(r"\[ RUN      \] (\w+)", text)
    return bool(begun) and begun[-1] == case and "test(s) run." not in text


def is_found(program, finder, environment):
    """Whether its test fails; and what it said."""
    if is_black_box(finder):
        return fails_outside(program, finder)
    try:
        done = subprocess.run([program], capture_output=True, text=True,
                              timeout=LIMIT_S, errors="replace",
                              env={**os.environ, **environment})
    except subprocess.TimeoutExpired:
        return True, "did not end"
    text = done.stderr + done.stdout
    said = [line for line in text.split("\n")
            if "seed" in line or "error:" in line or "Assertion" in line]
    _, _, case = finder.partition("::")
    # Both streams by themselves: each has its own order.
    good = done.returncode != 0 and (case == "" or any(
        case_failed(part, case) for part in (done.stderr, done.stdout)))
    return good, said[0].strip() if said else ""


def fails_outside(program, finder):
    try:
        done = subprocess.run(
            ["/usr/bin/python3", "-m", "pytest", "-q", "-x", "--tb=line",
             "-p", "no:cacheprovider", "tests/blackbox/" + finder],
            capture_output=True, text=True, timeout=LIMIT_S, cwd=ROOT,
            env={**os.environ, "YUBIN": program, "YUBIN_SANITIZED": "0",
                 "PYTHONDONTWRITEBYTECODE": "1"})
    except subprocess.TimeoutExpired:
        return True, "did not end"
    said = re.findall(r"(?m)^(?:E  .*|\S+\.py:\d+: .*)$", done.stdout)
    return done.returncode == 1, said[0] if said else ""


def main():
    args = sys.argv[1:]
    if args and args[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    sample = args[:1] == ["--sample"]
    args = args[1:] if sample else args
    build = Build(args[0] if args else os.path.join(ROOT, "build/release"))
    word = args[1] if len(args) > 1 else ""
    sys.path.insert(0, HERE)
    found = missed = 0
    for name in SETS:
        faults = importlib.import_module(name)
        for number, mutant in enumerate(faults.MUTANTS):
            if word not in mutant[0] or (sample and
                                         mutant[0] not in faults.SAMPLE):
                continue
            try:
                good, said = is_found(
                    plant(build, f"{name}{number}", mutant), mutant[4],
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
