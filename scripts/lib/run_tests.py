"""What scripts/test does once the packages are there."""
import argparse
import collections
import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
RESULTS = os.path.join(ROOT, "build/test-results")
# Nothing in the suite takes as long; what hangs is a failure.
STEP_MAX_S = 14 * 60
END_MAX_S = 60
TAIL_LINES = 200


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.lock = threading.Lock()

    def add(self, passed=0, failed=0, skipped=0):
        with self.lock:
            self.passed += passed
            self.failed += failed
            self.skipped += skipped

    def line(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


class Step:
    """One command with a log of its own, shown only if it fails."""
    running = set()
    silent = False  # after Ctrl-C failures tell nothing

    def __init__(self, name, argv, env=None):
        self.name = name
        self.log_path = os.path.join(RESULTS, name.replace(" ", "-") + ".log")
        self.started = time.monotonic()
        self.argv = argv
        # In a session of its own: Ctrl-C is for us to pass on.
        with open(self.log_path, "wb") as log:
            self.proc = subprocess.Popen(argv, cwd=ROOT, stdout=log,
                                         stderr=subprocess.STDOUT,
                                         stdin=subprocess.DEVNULL,
                                         env={**os.environ, **(env or {})},
                                         start_new_session=True)
        Step.running.add(self)

    def wait(self):
        try:
            self.code = self.proc.wait(STEP_MAX_S)
        except subprocess.TimeoutExpired:
            self.end()
        Step.running.discard(self)
        return self

    def end(self):
        """First as Ctrl-C does: pytest ends the servers it has started."""
        for number in (signal.SIGINT, signal.SIGKILL):
            try:
                os.killpg(self.proc.pid, number)
                self.code = self.proc.wait(END_MAX_S)
                return
            except ProcessLookupError:
                self.code = self.proc.wait()
                return
            except subprocess.TimeoutExpired:
                continue

    def tell(self, good, more=""):
        if Step.silent:
            return
        seconds = time.monotonic() - self.started
        say(f"{'ok  ' if good else 'FAIL'}  {self.name} "
            f"({seconds:.1f} s){more}")
        if not good:
            with open(self.log_path, errors="replace") as f:
                for line in f.read().split("\n")[-TAIL_LINES:]:
                    say("    " + line)

    def run(self):
        """For steps that are one thing: whether it went well."""
        self.wait()
        self.tell(self.code == 0)
        return self.code == 0


def say(text):
    print(text, flush=True)


def junit(path, count):
    """Adds up the cases of pytest's junit file."""
    passed = failed = skipped = 0
    try:
        root = xml.parse(path).getroot()
    except (OSError, xml.ParseError):
        return 0, 0, 0
    for case in root.iter("testcase"):
        if case.find("failure") is not None or \
                case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    count.add(passed, failed, skipped)
    return passed, failed, skipped


# ---- the steps ----

def build(preset, *targets, extra=()):
    """Configures and builds; whether it went well."""
    step = Step(f"configure {preset}",
                ["cmake", "--preset", preset, "-DYUBIN_TESTS=ON", *extra])
    if not step.run():
        return False
    return Step(f"build {preset}",
                ["ninja", "-C", f"build/{preset}", *targets]).run()


def cmocka_cases(output):
    """(passed, failed, skipped) by what a program printed; None if it did
    not come to its end."""
    run = [int(n) for n in re.findall(r"(\d+) test\(s\) run\.", output)]
    passed = [int(n) for n in re.findall(r"PASSED  \] (\d+) test", output)]
    skipped = [int(n) for n in
               re.findall(r"SKIPPED \] .*?(\d+) test\(s\), listed", output)]
    if not run:
        return None
    good, left_out = sum(passed), sum(skipped)
    return good, max(sum(run) - good - left_out, 0), left_out


def unit_tests(preset, count, word):
    """ctest, with every case of every cmocka program counted."""
    result = os.path.join(RESULTS, f"unit-{preset}.xml")
    argv = ["ctest", "--test-dir", f"build/{preset}", "-j",
            str(os.cpu_count() or 1), "--output-on-failure",
            "--output-junit", result, "--test-output-size-passed", "1000000",
            "--test-output-size-failed", "1000000"]
    if word:
        argv += ["-R", word, "--no-tests=ignore"]
    step = Step(f"unit tests {preset}", argv).wait()
    totals = [0, 0, 0]
    programs = 0
    for case in xml.parse(result).getroot().iter("testcase"):
        cases = cmocka_cases(case.findtext("system-out") or "")
        if cases is None or (case.find("failure") is not None and
                             cases[1] == 0):
            cases = (cases or (0, 0, 0))[0], 1, 0
        totals = [a + b for a, b in zip(totals, cases)]
        programs += 1
    count.add(*totals)
    good = step.code == 0 and (programs > 0 or bool(word))
    if not good and totals[1] == 0:
        count.add(failed=1)
    step.tell(good, f": {totals[0]} passed, {totals[1]} failed in "
                    f"{programs} programs")


class BlackBox:
    """The black-box tests of one build, a file at a time."""

    def __init__(self, preset, word):
        self.preset = preset
        self.word = word
        self.started = time.monotonic()
        self.totals = [0, 0, 0]
        self.bad = False

    def run(self, name, count):
        result = os.path.join(RESULTS, f"blackbox-{self.preset}-{name}.xml")
        if os.path.exists(result):
            os.unlink(result)
        argv = ["/usr/bin/python3", "-m", "pytest", "-q", "-p",
                "no:cacheprovider", "--durations=5", "--tb=short", "-rfEs",
                f"--junit-xml={result}", f"tests/blackbox/{name}"]
        if self.word:
            argv += ["-k", self.word.replace("/", " and ")]
        step = Step(f"black box {self.preset} {name}", argv, {
            "YUBIN": os.path.join(ROOT, f"build/{self.preset}/yubin"),
            "YUBIN_SANITIZED": "1" if self.preset == "asan" else "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }).wait()
        found = junit(result, count)
        good = step.code in (0, 5)  # 5: the filter left none
        if not good and found[1] == 0:
            count.add(failed=1)
        self.bad = self.bad or not good
        self.totals = [a + b for a, b in zip(self.totals, found)]
        if not good:
            step.tell(False)

    def tell(self):
        passed, failed, skipped = self.totals
        say(f"{'FAIL' if self.bad else 'ok  '}  black box {self.preset} "
            f"({time.monotonic() - self.started:.1f} s): {passed} passed, "
            f"{failed} failed, {skipped} skipped")


def black_boxes(presets, word, count):
    """All files of all builds, so that no core waits for the other."""
    names = sorted(n for n in os.listdir(os.path.join(ROOT, "tests/blackbox"))
                   if re.fullmatch(r"test_\w+\.py", n))
    boxes = [BlackBox(preset, word) for preset in presets]
    jobs = collections.deque((box, name) for box in boxes for name in names)
    def work():
        while True:
            try:
                box, name = jobs.popleft()
            except IndexError:
                return
            box.run(name, count)

    # One more than there are cores: tests wait a good deal.
    threads = [threading.Thread(target=work)
               for _ in range((os.cpu_count() or 1) + 1)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for box in boxes:
        box.tell()


def mutants(count):
    """Faults that are planted have to be found."""
    step = Step("mutants", ["/usr/bin/python3", "tests/mutants/run.py",
                            "--sample", "build/release"]).wait()
    with open(step.log_path, encoding="utf-8", errors="replace") as f:
        ends = re.findall(r"(\d+) passed, (\d+) failed", f.read())
    passed, failed = map(int, ends[-1]) if ends else (0, 1)
    count.add(passed, failed)
    step.tell(step.code == 0 and failed == 0,
              f": {passed} faults found, {failed} missed")


def one(count, good):
    count.add(passed=int(good), failed=int(not good))
    return good


def all_tests(args, count):
    one(count, Step("layers", ["/usr/bin/python3",
                               "tools/check_layers"]).run())
    one(count, Step("matrix", ["/usr/bin/python3",
                               "tools/check_matrix"]).run())
    # The sanitized build first: what it finds is worth most.
    have = {preset: one(count, build(preset))
            for preset in ("asan", "release")}
    for preset in ("release", "asan"):
        if have[preset]:
            unit_tests(preset, count, args.filter)
    if have["release"] and not args.filter:
        mutants(count)
    presets = ["asan"] if have["asan"] else []
    if have["release"] and not args.fast:
        presets.append("release")
    black_boxes(presets, args.filter, count)
    if not args.fast:
        one(count, build("clang"))
        one(count, Step("fuzz", ["scripts/fuzz", "60"]).run())


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_signal(*_):
    raise KeyboardInterrupt


def end_all():
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    Step.silent = True
    for step in list(Step.running):
        step.end()


def main():
    # --help is scripts/test's own.
    parser = argparse.ArgumentParser(
        prog="scripts/test", add_help=False, allow_abbrev=False,
        usage="scripts/test [--fast] [FILTER]")
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("filter", nargs="?", default="")
    args = parser.parse_args()
    for number in SIGNALS:
        signal.signal(number, on_signal)
    os.makedirs(RESULTS, exist_ok=True)
    started = time.monotonic()
    count = Count()
    if not os.environ.get("YUBIN_TEST_DATA"):
        say("YUBIN_TEST_DATA is not set: tests with real mail are skipped")
    try:
        all_tests(args, count)
    except KeyboardInterrupt:
        say("interrupted")
        end_all()
        return 130
    say(f"{time.monotonic() - started:.0f} s; logs are in build/test-results")
    print(count.line(), flush=True)
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
