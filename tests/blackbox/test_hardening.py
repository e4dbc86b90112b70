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


def functions():
    """(address, name, instructions) of each function of the program."""
    code = subprocess.run(
        ["objdump", "--disassemble", "--no-show-raw-insn", "-j", ".text",
         BINARY], capture_output=True, timeout=PATIENCE, check=True).stdout
    for part in code.decode().split("\n\n")[2:]:
        head, _, body = part.partition(">:\n")
        address, _, name = head.strip().partition(" <")
        yield int(address, 16), name, body


@pytest.mark.skipif(SANITIZED, reason="the sanitizers bring their own")
def test_code():
    """Of every file: one that is compiled without is found."""
    symbols = set(re.findall(r"(\w+)@", readelf("--dyn-syms")))
    # -D_FORTIFY_SOURCE: calls that know the size of their target; and for
    # these there is no reason ever to be left as they are.
    assert {"__memcpy_chk", "__vsnprintf_chk"} <= symbols
    assert not {"printf", "fprintf", "vfprintf"} & symbols
    everyone = {int(address, 16) for address in re.findall(
        r"(\w+) +\d+ FUNC +GLOBAL +DEFAULT +\d+ (?!_start$)\w+$",
        readelf("--symbols"), re.M)}
    seen = large = 0
    for address, name, body in functions():
        # -fcf-protection: whatever can be called from afar begins with it.
        # (That the whole program is marked for it needs the C library's start
        # files to be.)
        if address in everyone:
            assert "endbr64" in body.partition("\n")[0], name
            seen += 1
        # -fstack-protector-strong: whoever has an array looks whether it ran
        # over before it returns, and a frame is so large for one only.
        frame = re.search(r"sub +\$0x([0-9a-f]+),%rsp", body)
        if frame and int(frame[1], 16) >= 512 and "\tret" in body:
            assert "__stack_chk_fail" in body, name
            large += 1
    assert seen > 500 and large > 50
