"""Faults planted into the store are found by the store's own tests."""
import os
import subprocess
import sys

import pytest

from post_office import BINARY, ROOT, SANITIZED


def test_every_planted_fault_is_found():
    build = os.path.dirname(BINARY)
    if SANITIZED or not os.path.exists(
            os.path.join(build, "tests/unit_store_test_powercut")):
        pytest.skip("needs the tests of a plain build")
    done = subprocess.run(
        [sys.executable, os.path.join(ROOT, "tests/tools/mutants.py"), build],
        capture_output=True, timeout=600)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    assert done.stdout.count(b"found:") >= 12
