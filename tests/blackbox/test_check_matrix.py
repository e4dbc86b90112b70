"""tools/check_matrix passes on the source, and fails where it has to."""
import os
import subprocess

import pytest

from post_office import ROOT

TOOL = os.path.join(ROOT, "tools/check_matrix")


def check(root):
    return subprocess.run(["/usr/bin/python3", TOOL, str(root)],
                          capture_output=True, text=True, timeout=60)


# A table of threats in which nothing is wrong.
THREATS = ("| 1 | w | answered | `src/a.c::one` | "
           "`tests/test_a.py::test_one` |\n"
           "| 2 | w | partly: x | - | - |\n| 3 | w | open | - | - |\n"
           "| 4-64 | w | not yet: x | - | - |\n")


def tree(tmp_path, matrix, name="docs/rfc-matrix.md"):
    for name, text in {name: matrix, "src/a.c": "static int one(int x)\n",
                       "tests/test_a.py": "def test_one():\n    pass\n",
                       }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return check(tmp_path)


def test_source():
    done = check(ROOT)
    assert done.returncode == 0, done.stdout


def test_good(tmp_path):
    done = tree(tmp_path, "| 1 | MUST | `src/a.c` | "
                          "`tests/test_a.py::test_one` |\n")
    assert (done.returncode, done.stdout) == (
        0, "check_matrix: 2 files named, 0 problems\n")


@pytest.mark.parametrize("row, problem", [
    ("| 1 | MUST | `src/b.c` | why |", "no file src/b.c"),
    ("| 1 | MUST | `src/a.c` | `tests/test_a.py::test_two` |",
     "no test_two in tests/test_a.py"),
    ("| 1 | MUST | `src/a.c` | |", "neither a test nor a reason"),
])
def test_bad(tmp_path, row, problem):
    done = tree(tmp_path, row + "\n")
    assert done.returncode == 1 and problem in done.stdout


def test_mutants(tmp_path):
    """A fault that can no longer be planted, or found, is told."""
    folder = tmp_path / "tests/mutants"
    folder.mkdir(parents=True)
    (tmp_path / "tests/unit/a").mkdir(parents=True)
    (tmp_path / "tests/unit/a/test_a.c").write_text(
        "static void test_one(void **state)\n")
    for old, finder, problem in (
            ("int one", "a/test_a::test_one", None),
            ("int two", "a/test_a::test_one", "is 0 times in"),
            ("int one", "a/test_a::test_two", "no a/test_a::test_two")):
        (folder / "threats.py").write_text(
            f"MUTANTS = [('x', 'src/a.c', {old!r}, '', {finder!r})]\n"
            "THREATS = [1]\n")
        done = tree(tmp_path, THREATS + "planted against the answers to 1.",
                    "docs/threat-model.md")
        assert done.returncode == (problem is not None), done.stdout
        assert problem is None or problem in done.stdout
    done = tree(tmp_path, THREATS, "docs/threat-model.md")
    assert "faults are planted against [1]" in done.stdout


def test_good_threats(tmp_path):
    done = tree(tmp_path, THREATS, "docs/threat-model.md")
    assert (done.returncode, done.stdout) == (
        0, "check_matrix: 2 files named, 0 problems\n")


@pytest.mark.parametrize("old, new, problem", [
    ("::one`", "::two`", "no two in src/a.c"),
    ("::test_one", "::test_two", "no test_two in tests/test_a.py"),
    ("partly: x", "partly", "no state"),
    ("partly: x", "answered", "answered nowhere"),
    ("| 2 |", "| 3 |", "threats [2] are left out"),
    ("4-64", "4-65", "threats [65] are left out or not known"),
    ("| 3 |", "| 2 |", "threats [3] are left out"),
])
def test_bad_threats(tmp_path, old, new, problem):
    assert old in THREATS
    done = tree(tmp_path, THREATS.replace(old, new), "docs/threat-model.md")
    assert done.returncode == 1 and problem in done.stdout, done.stdout


def test_nothing(tmp_path):
    assert check(tmp_path).returncode == 2
