"""tools/check_layers passes on the source, and fails where it has to."""
import os
import subprocess

import pytest

from post_office import ROOT

TOOL = os.path.join(ROOT, "tools/check_layers")


def check(root):
    return subprocess.run(["/usr/bin/python3", TOOL, str(root)],
                          capture_output=True, text=True, timeout=60)


def tree(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return check(tmp_path)


GOOD = {
    "base/span.h": "#include <stddef.h>\n",
    "os/fd.h": '#include "base/span.h"\n#include <unistd.h>\n',
    "proto/line.c": '#include "base/span.h"\n',
    "server/main.c": '#include "os/fd.h"\n#include "proto/line.c"\n',
}


def test_source_is_layered():
    done = check(ROOT)
    assert done.returncode == 0, done.stdout


def test_good_tree(tmp_path):
    done = tree(tmp_path, GOOD)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name, text, want", [
    ("base/a.c", '\n\n#include "os/fd.h"\n', "src/base/a.c:3: base may not"),
    ("proto/a.c", '#  include "os/fd.h"\n', "src/proto/a.c:1: proto may not"),
    ("os/a.c", '/* a\n */ #include "server/main.c"\n', "src/os/a.c:2:"),
    ("proto/a.h", "#include <unistd.h>\n", "no system calls"),
    ("server/a.c", "#include <openssl/ssl.h>\n", "may not include <openssl"),
    ("net/a.c", "#include <sqlite3.h>\n", "may not include <sqlite3"),
    ("server/a.c", '#include "fd.h"\n', "not of the form"),
    ("server/a.c", '#include "../os/fd.h"\n', "not of the form"),
    ("server/a.c", '#include "os/none.h"\n', "does not exist"),
    ("server/a.c", '#include "new/fd.h"\n', "no module new"),
    ("new/a.c", "\n", "no module new"),
    ("a.c", "\n", "belongs to no module"),
])
def test_violations(tmp_path, name, text, want):
    done = tree(tmp_path, {**GOOD, name: text})
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert want in done.stdout


@pytest.mark.parametrize("name, text, bad", [
    ("auth/a.c", "\n\tif (memcmp(a->proof, b, 32) == 0)\n", True),
    ("sasl/a.c", "\n\treturn !strcmp(s, the_password) && x;\n", True),
    ("crypto/a.c", "\n\treturn span_eq(said,\n\t\tspan_of(digest, 16));\n",
     True),
    ("auth/a.c", "\n\tif (compare_equal(a->proof, b, 32))\n", False),
    ("auth/a.c", "\n\tif (memcmp(a->name, b, 32) == 0 && password)\n", False),
    ("auth/a.c", "/* memcmp(proof, x, 1) */\n", False),
    ("store/a.c", "\n\tif (memcmp(digest, b, 32) == 0)\n", False),
])
def test_secrets_are_compared_in_constant_time(tmp_path, name, text, bad):
    """Threat 12."""
    done = tree(tmp_path, {**GOOD, name: text})
    assert done.returncode == int(bad), done.stdout
    assert not bad or f"src/{name}:2: " in done.stdout


def test_comments_do_not_count(tmp_path):
    done = tree(tmp_path, {**GOOD,
                           "base/a.c": '/*\n#include "os/fd.h"\n*/\n'})
    assert done.returncode == 0


def test_nothing_to_check(tmp_path):
    assert check(tmp_path).returncode == 2
