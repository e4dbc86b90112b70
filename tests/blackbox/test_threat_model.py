"""docs/threat-model.md: what it names exists, and no threat is left out."""
import os
import re

from post_office import ROOT


def text():
    with open(os.path.join(ROOT, "docs/threat-model.md"),
              encoding="utf-8") as f:
        return f.read()


def test_every_file_and_test_exists():
    named = re.findall(r"`((?:src|tests|cmake|docs)/[^`]+)`", text())
    assert len(named) > 100
    for name in named:
        path, _, function = name.partition("::")
        path = os.path.join(ROOT, path)
        assert os.path.isfile(path), name
        if function:
            with open(path, encoding="utf-8") as f:
                assert f"def {function}(" in f.read(), name


def test_every_threat_has_a_state():
    seen = set()
    for line in text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        m = re.fullmatch(r"(\d+)(?:-(\d+))?", cells[0])
        if not m:
            continue
        _, _, state, answer, tests = cells
        seen |= set(range(int(m[1]), int(m[2] or m[1]) + 1))
        kind = re.match("answered|partly: |absent", state)
        assert kind, line
        # What is answered has a place and a test.
        if kind.group() == "answered":
            assert re.search("`(src|cmake)/", answer) and "`tests/" in tests, line
    assert seen == set(range(1, 65))
