"""Threat 63: the program is built with what the compiler has against
exploits."""
import re
import subprocess

import pytest

from post_office import BINARY, PATIENCE, SANITIZED


def readelf(*options):
    return subprocess.run(["readelf", "--wide", *options, BINARY],
                          capture_output=True, timeout=PATIENCE,
                          check=True).stdout.decode()


def test_layout():
    # Position independent, so that each start has an address layout of its
    # own; all relocations are done, and read-only, before main().
    assert re.search(r"Type:\s+DYN \(Position-Independent", readelf("-h"))
    dynamic = readelf("-d")
    assert "BIND_NOW" in dynamic and "PIE" in dynamic
    assert "RPATH" not in dynamic
    assert "TEXTREL" not in dynamic
    headers = readelf("-l")
    assert "GNU_RELRO" in headers
    stack = re.search(r"GNU_STACK.*", headers).group()
    assert " RW " in stack and " RWE " not in stack
    # No segment is writable and executable.
    assert not re.search(r"LOAD.* RWE ", headers)


@pytest.mark.skipif(SANITIZED, reason="the sanitizers bring their own")
def test_code():
    symbols = readelf("--dyn-syms")
    assert "__stack_chk_fail" in symbols  # -fstack-protector-strong
    # -D_FORTIFY_SOURCE: calls that know the size of their target.
    checked = set(re.findall(r"__(\w+)_chk@", symbols))
    assert {"memcpy", "vsnprintf"} <= checked, checked
    # -fcf-protection: functions begin with endbr64. (That the whole program
    # is marked for it needs the C library's start files to be.)
    with open(BINARY, "rb") as f:
        assert f.read().count(b"\xf3\x0f\x1e\xfa") > 500
