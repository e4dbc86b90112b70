"""What scripts/test does once the packages are there."""
import argparse
import glob
import os
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

    def __init__(self, name, argv, env=None):
        self.name = name
        self.log_path = os.path.join(RESULTS, name.replace(" ", "-") + ".log")
        self.started = time.monotonic()
        self.argv = argv
        with open(self.log_path, "wb") as log:
            self.proc = subprocess.Popen(argv, cwd=ROOT, stdout=log,
                                         stderr=subprocess.STDOUT,
                                         stdin=subprocess.DEVNULL,
                                         env={**os.environ, **(env or {})})

    def wait(self):
        try:
            self.code = self.proc.wait(STEP_MAX_S)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.code = self.proc.wait()
        return self

    def tell(self, good, more=""):
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


def junit(path, count, log):
    """Adds up the cases of a junit file, and prints the failed ones."""
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
                ["cmake", "--preset", preset, *extra])
    if not step.run():
        return False
    return Step(f"build {preset}",
                ["ninja", "-C", f"build/{preset}", *targets]).run()


def unit_tests(preset, count, word):
    """ctest, with every case of every cmocka program counted."""
    name = f"unit tests {preset}"
    folder = os.path.join(RESULTS, f"unit-{preset}")
    os.makedirs(folder, exist_ok=True)
    for old in glob.glob(os.path.join(folder, "*")):
        os.unlink(old)
    argv = ["ctest", "--test-dir", f"build/{preset}", "-j",
            str(os.cpu_count() or 1), "--output-on-failure"]
    if word:
        argv += ["-R", word, "--no-tests=ignore"]
    step = Step(name, argv, {
        "CMOCKA_MESSAGE_OUTPUT": "XML",
        "CMOCKA_XML_FILE": os.path.join(folder, f"{os.getpid()}-%g.xml"),
    })
    step.wait()
    ran = passed = failed = 0
    for path in glob.glob(os.path.join(folder, "*.xml")):
        good, bad, _ = junit(path, count, step)
        passed += good
        failed += bad
        ran += 1
    if step.code != 0 and failed == 0:
        count.add(failed=1)  # a program that died tells no cases
    step.tell(step.code == 0, f": {passed} cases in {ran} groups")


def blackbox(preset, count, word, marks=None):
    result = os.path.join(RESULTS, f"blackbox-{preset}.xml")
    if os.path.exists(result):
        os.unlink(result)
    argv = ["/usr/bin/python3", "-m", "pytest", "-q", "-p",
            "no:cacheprovider", "--durations=15", "--tb=short", "-rfEs",
            f"--junit-xml={result}", "tests/blackbox"]
    if word:
        argv += ["-k", word.replace("/", " and ")]
    if marks:
        argv += ["-m", marks]
    step = Step(f"black box {preset}", argv, {
        "YUBIN": os.path.join(ROOT, f"build/{preset}/yubin"),
        "YUBIN_SANITIZED": "1" if preset == "asan" else "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }).wait()
    passed, failed, skipped = junit(result, count, step)
    good = step.code in (0, 5)  # 5: the filter left none
    if not good and failed == 0:
        count.add(failed=1)
    step.tell(good, f": {passed} passed, {failed} failed, {skipped} skipped")


def one(count, good):
    count.add(passed=int(good), failed=int(not good))
    return good


def all_tests(args, count):
    one(count, Step("layers", ["/usr/bin/python3",
                               "tools/check_layers"]).run())
    # The sanitized build first: what it finds is worth most.
    have = {preset: one(count, build(preset))
            for preset in ("asan", "release")}
    for preset in ("release", "asan"):
        if have[preset]:
            unit_tests(preset, count, args.filter)
    runs = []
    if have["asan"]:
        runs.append(("asan", None))
    if have["release"] and not args.fast:
        runs.append(("release", None))
    threads = [threading.Thread(target=blackbox,
                                args=(preset, count, args.filter, marks))
               for preset, marks in runs]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if not args.fast:
        one(count, build("clang"))


def main():
    parser = argparse.ArgumentParser(prog="scripts/test")
    parser.add_argument("--fast", action="store_true",
                        help="no clang, black-box tests only once")
    parser.add_argument("filter", nargs="?", default="",
                        help="a word in the names of tests")
    args = parser.parse_args()
    os.makedirs(RESULTS, exist_ok=True)
    started = time.monotonic()
    count = Count()
    if not os.environ.get("YUBIN_TEST_DATA"):
        say("YUBIN_TEST_DATA is not set: tests with real mail are skipped")
    all_tests(args, count)
    say(f"{time.monotonic() - started:.0f} s; logs are in build/test-results")
    print(count.line(), flush=True)
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
