"""Manual pages and completions, made from the program's own tables."""
import glob
import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from post_office import BINARY, PATIENCE, ROOT

BUILD = os.path.dirname(BINARY)
SHARE = os.path.join(BUILD, "share")

pytestmark = pytest.mark.skipif(
    not os.path.isdir(SHARE), reason="YUBIN is not in a folder of a build")


@pytest.fixture(scope="module")
def about():
    with open(os.path.join(BUILD, "describe.json"), encoding="utf-8") as f:
        return json.load(f)


def pages():
    return sorted(glob.glob(os.path.join(SHARE, "man/man?/*.?")))


def test_every_command_has_its_page(about):
    names = {os.path.basename(p) for p in pages()}
    for c in about["commands"]:
        words = c["name"].split()
        for n in range(len(words)):
            assert f"yubin-{'-'.join(words[:n + 1])}.8" in names
    assert {"yubin.8", "yubin.yaml.5", "yubin-store.5"} <= names


def test_pages_are_what_help_says(about):
    for c in about["commands"]:
        argv = [BINARY, *c["name"].split(), "--help"]
        shown = subprocess.run(argv, capture_output=True, timeout=PATIENCE,
                               check=True).stdout.decode()
        path = os.path.join(SHARE, "man/man8",
                            f"yubin-{c['name'].replace(' ', '-')}.8")
        with open(path, encoding="ascii") as f:
            page = f.read()
        for option in re.findall(r"^  (?:-\w, )?--([a-z-]+)", shown, re.M):
            assert f"Fl \\-{option}" in page, (path, option)


def test_mandoc_finds_nothing():
    names = {os.path.basename(p) for p in pages()}
    for path in pages():
        done = subprocess.run(["mandoc", "-Tlint", path], timeout=PATIENCE,
                              capture_output=True)
        told = [line for line in done.stdout.decode().split("\n") if line and
                # They are not where mandoc looks; see below.
                "referenced manual not found: Xr yubin" not in line]
        assert told == []
        with open(path, encoding="ascii") as f:
            for name, section in re.findall(r"\.Xr (\S+) (\d)", f.read()):
                assert f"{name}.{section}" in names, (path, name)


def test_install(tmp_path):
    subprocess.run(["cmake", "--install", BUILD, "--prefix", tmp_path],
                   check=True, capture_output=True, timeout=PATIENCE)
    for name in ("sbin/yubin", "share/man/man8/yubin.8",
                 "share/man/man5/yubin.yaml.5",
                 "share/bash-completion/completions/yubin",
                 "share/zsh/site-functions/_yubin"):
        assert os.path.isfile(tmp_path / name), name


# ---- completions ----

def bash(*words):
    """What bash offers for the last word."""
    line = " ".join(f"'{w}'" for w in words)
    script = (f". {SHARE}/yubin.bash; COMP_WORDS=({line}); "
              f"COMP_CWORD={len(words) - 1}; COMPREPLY=(); _yubin; "
              "printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "--norc", "-c", script], timeout=PATIENCE,
                          capture_output=True, check=True,
                          env={**os.environ, "PATH":
                               f"{BUILD}:{os.environ['PATH']}"})
    assert done.stderr == b"", done.stderr
    return done.stdout.decode().split()


def test_bash_completes(about, tmp_path):
    firsts = {c["name"].split()[0] for c in about["commands"]}
    assert firsts | {"--help", "--version"} == set(bash("yubin", ""))
    assert bash("yubin", "acc") == ["account"]
    assert bash("yubin", "account", "sh") == ["show"]
    assert bash("yubin", "account", "app") == ["app-password"]
    assert bash("yubin", "account", "app-password", "rev") == ["revoke"]
    assert bash("yubin", "account", "show", "a@b.example", "sh") == []
    assert "--json" in bash("yubin", "account", "list", "-")
    assert bash("yubin", "check", "--sh") == ["--show"]
    assert bash("yubin", "account", "add", "a@b.example",
                "--pass") == ["--password-stdin"]
    file = tmp_path / "here.yaml"
    file.touch()
    assert bash("yubin", "check", "-c", f"{tmp_path}/he") == [str(file)]
    (tmp_path / "herd").mkdir()
    assert bash("yubin", "init", f"{tmp_path}/he") == [f"{tmp_path}/herd"]


def test_bash_completes_addresses(office, monkeypatch):
    office.add_account("carol")
    monkeypatch.setenv("YUBIN_CONFIG", office.config)
    assert bash("yubin", "account", "show",
                "ca") == ["carol@example.org"]


class Zsh:
    """A shell at a terminal."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "dumb"
            os.execvp("zsh", ["zsh", "-f", "-i"])
        self.said = ""
        self.type(f"PS1='ready> '; fpath=({SHARE} $fpath); "
                  "autoload -U compinit; compinit -u -D; unsetopt zle_dummy "
                  "2>/dev/null; setopt no_beep; echo be''gin\n")
        self.wait("begin")

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.said:
            assert time.monotonic() < end, self.said
            if select.select([self.fd], [], [], 0.1)[0]:
                self.said += os.read(self.fd, 4096).decode(errors="replace")

    def completes(self, start, whole):
        self.said = ""
        self.type(start + "\t")
        self.wait(whole)
        self.type("\x15")  # Ctrl-U: away with the line

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def test_zsh_completes():
    zsh = Zsh()
    try:
        zsh.completes("yubin acc", "yubin account ")
        zsh.completes("yubin account pass", "yubin account password ")
        zsh.completes("yubin account app-password rev",
                      "yubin account app-password revoke ")
        zsh.completes("yubin check --sh", "yubin check --show ")
        zsh.completes("yubin account add x@y.example --pass",
                      "--password-stdin ")
        zsh.completes("yubin init --loop", "yubin init --loopback ")
    finally:
        zsh.close()


def find(commands, words):
    return next((commands[" ".join(words[:n])] for n in (1, 2, 3)
                 if " ".join(words[:n]) in commands), None)


def test_examples_can_be_typed(about):
    commands = {c["name"]: c for c in about["commands"]}
    seen = 0
    for c in about["commands"]:
        text = c["text"].replace("\\\n", "")
        for line in re.findall(r"^  (?:.*\| )?yubin (.*)$", text, re.M):
            words = line.split(" < ")[0].split()
            named = find(commands, words)
            options = {f"--{o['name']}" for o in named["options"]} | {
                f"-{o['letter']}" for o in named["options"]}
            for word in words:
                if word.startswith("-"):
                    assert word in options, (c["name"], line)
            seen += 1
    assert seen >= 10


def pages_of_people():
    return [os.path.join(ROOT, "README.md"),
            *glob.glob(os.path.join(ROOT, "README.*.md")),
            *sorted(glob.glob(os.path.join(ROOT, "docs/guide/*.md")))]


def test_commands_in_the_pages_exist(about):
    """scripts/test-guide runs them; here only that their words are right."""
    commands = {c["name"]: c for c in about["commands"]}
    firsts = {name.split()[0] for name in commands}
    seen = 0
    for path in pages_of_people():
        with open(path, encoding="utf-8") as f:
            text = f.read()
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
        typed = [line for block in blocks
                 for line in block.replace("\\\n", "").split("\n")]
        typed += re.findall(r"`((?:sudo )?yubin [^`]*)`", text)
        for line in typed:
            # $(...) is commands of its own.
            line = re.sub(r"\$\((?!.*yubin account).*?\)", "X", line)
            for at in re.finditer(r"(?:^|[\s/($])yubin ([a-z][^|)&;<]*)",
                                  line):
                words = at.group(1).split("#")[0].split()
                if words[0] not in firsts:
                    continue  # such as "useradd yubin" or a user's name
                named = find(commands, words)
                assert named or len(words) == 1 or words[1] == "--help", \
                    (path, line)
                options = {f"--{o['name']}" for o in named["options"]} | {
                    f"-{o['letter']}" for o in named["options"]} \
                    if named else set()
                for word in words:
                    if re.match(r"--?[a-z]", word) and word != "--help":
                        assert word.split("=")[0] in options, (path, line)
                seen += 1
    assert seen > 40


def test_links_lead_somewhere():
    for path in pages_of_people():
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            there = os.path.join(os.path.dirname(path), link)
            assert os.path.exists(there), (path, link)


def shape(path):
    """What translations share: levels of headings, code but its comments,
    links, and what stands between backquotes."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    code = re.findall(r"^```(.*?)^```", text, re.M | re.S)
    code = [re.sub(r"\s*(?:^|(?<=\s))# .*|\s+$", "", b, flags=re.M)
            for b in code]
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return {
        "headings": [len(h) for h in re.findall(r"^(#+) ", text, re.M)],
        "points": len(re.findall(r"^\* ", text, re.M)),
        "code": code,
        "links": [link for link in re.findall(r"\]\(([^)]*)\)", text)
                  if not link.startswith("README")],  # each other
        "words": sorted(" ".join(w.split())
                        for w in re.findall(r"`([^`]+)`", text)),
    }


def test_readme_in_japanese_says_the_same():
    english = shape(os.path.join(ROOT, "README.md"))
    japanese = shape(os.path.join(ROOT, "README.ja.md"))
    for part, what in english.items():
        assert japanese[part] == what, f"README.ja.md differs in its {part}"
