"""What scanners for TLS and mail servers find: nothing that is the server's.

YUBIN_SCANNERS=all also runs testssl.sh over every way in, which takes ten
minutes.
"""
import json
import os
import re
import subprocess

import pytest

from post_office import SANITIZED

pytestmark = pytest.mark.skipif(SANITIZED, reason="TLS is the same library")
ALL = os.environ.get("YUBIN_SCANNERS") == "all"
WAYS = ["pop3s", "pop3", "smtp"]
# What concerns the private authority that `yubin init` makes, and nothing
# else above LOW, is accepted.
PRIVATE_AUTHORITY = {"cert_revocation", "cert_chain_of_trust",
                     "cert_trust", "DNS_CAArecord"}


def port(office, way):
    return {"pop3s": office.pop3s_port, "pop3": office.pop3_port,
            "smtp": office.smtp_port}[way]


def run(*argv, timeout=120, codes=(0,)):
    done = subprocess.run([str(a) for a in argv], capture_output=True,
                          timeout=timeout, stdin=subprocess.DEVNULL)
    assert codes is None or done.returncode in codes, done.stderr[-2000:]
    return done.stdout.decode(errors="replace")


@pytest.mark.parametrize("way", WAYS)
def test_sslscan(office, way):
    more = [] if way == "pop3s" else [f"--starttls-{way}"]
    text = run("sslscan", "--no-colour", *more,
               f"localhost:{port(office, way)}")
    for version in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"):
        assert re.search(rf"{version}\s+disabled", text), text
    for version in ("TLSv1.2", "TLSv1.3"):
        assert re.search(rf"{version}\s+enabled", text), text
    assert "does not support TLS Fallback" not in text
    assert "Compression enabled" not in text
    assert "Insecure session renegotiation" not in text
    assert "vulnerable to heartbleed" not in \
        text.replace("not vulnerable to heartbleed", "")
    ciphers = re.findall(r"(?:Preferred|Accepted)\s+(TLSv\S+)\s+(\d+) bits"
                         r"\s+(\S+)", text)
    assert ciphers
    for version, bits, name in ciphers:
        assert int(bits) >= 128, (version, name)
        # Forward secrecy and authenticated encryption alone.
        assert name.startswith(("TLS_", "ECDHE-")) and \
            re.search("GCM|CHACHA20|CCM", name), (version, name)


def nmap(office, way, *scripts):
    # + runs a script whatever the port's number says.
    return run("nmap", "-Pn", "-n", "-p", port(office, way), "--script",
               ",".join("+" + s for s in scripts), "--script-args",
               "smtp-commands.domain=x.example", "127.0.0.1")


def test_nmap_pop3(office, user):
    text = nmap(office, "pop3", "pop3-capabilities", "pop3-ntlm-info")
    found = re.search(r"pop3-capabilities: (.*)", text)
    assert found, text
    for word in ("TOP", "UIDL", "STLS", "PIPELINING", "RESP-CODES",
                 "AUTH-RESP-CODE"):
        assert word in found.group(1), text
    assert "pop3-ntlm-info" not in text


def test_nmap_smtp(office, user):
    """No relay, no users told, no commands that are not said."""
    text = nmap(office, "smtp", "smtp-commands", "smtp-open-relay",
                "smtp-enum-users", "smtp-ntlm-info")
    assert "PIPELINING" in text and "STARTTLS" in text, text
    assert "is an open relay" not in text, text
    assert not re.search(r"open relay \((?!0/)\d", text), text
    assert user.split("@")[0] not in text
    assert "smtp-ntlm-info" not in text


def test_nmap_ciphers(office):
    text = nmap(office, "pop3s", "ssl-enum-ciphers", "ssl-heartbleed",
                "ssl-poodle", "ssl-dh-params", "ssl-ccs-injection")
    assert "least strength: A" in text, text
    assert "VULNERABLE" not in text, text


@pytest.mark.skipif(not ALL, reason="ten minutes: YUBIN_SCANNERS=all")
@pytest.mark.parametrize("way", WAYS)
def test_testssl(office, way, tmp_path):
    report = tmp_path / "report.json"
    more = [] if way == "pop3s" else ["-t", way]
    run("testssl", "--quiet", "--color", "0", "--warnings", "off",
        "--add-ca", office.ca, "--nodns", "none", "--jsonfile", report, *more,
        f"localhost:{port(office, way)}", timeout=900, codes=None)
    findings = json.loads(report.read_text())
    assert len(findings) > 50
    bad = [(f["id"], f["severity"], f["finding"]) for f in findings
           if f["severity"] in ("MEDIUM", "HIGH", "CRITICAL") and
           f["id"].split(" ")[0] not in PRIVATE_AUTHORITY]
    assert bad == []
