"""Certificates: several by name, and what is wrong with them."""
import json
import os
import re
import socket
import ssl
import subprocess

from certificates import make_certificate
from post_office import SANITIZED


def seen(office, name, implicit=True, ciphers=None):
    """The names of the certificate that a client which asks for `name` gets,
    and the kind of its key."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if ciphers:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    port = office.pop3s_port if implicit else office.pop3_port
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        if not implicit:
            s.recv(1000)
            s.sendall(b"STLS\r\n")
            assert s.recv(1000).startswith(b"+OK")
        with context.wrap_socket(s, server_hostname=name) as t:
            der = t.getpeercert(binary_form=True)
            text = ssl.DER_cert_to_PEM_cert(der)
            used = t.cipher()[0]
    path = os.path.join(office.folder, "seen.pem")
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    got = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-ext",
                          "subjectAltName"], check=True, capture_output=True)
    return re.findall(r"DNS:([^,\s]+)", got.stdout.decode()), used


def set_certificates(office, pairs):
    with open(office.config, encoding="utf-8") as f:
        text = f.read()
    rows = "".join(f"    - {{certificate: {c}, key: {k}}}\n"
                   for c, k in pairs)
    with open(office.config, "w", encoding="utf-8") as f:
        f.write(text.replace("#tls:\n", "tls:\n  certificates:\n" + rows))


def test_the_name_chooses_the_certificate(new_office):
    office = new_office(start=False)
    folder = os.path.join(office.dir, "tls")
    set_certificates(office, [
        make_certificate(folder, "net", "mail.example.net"),
        make_certificate(folder, "net-rsa", "mail.example.net", kind="rsa"),
        make_certificate(folder, "com", "*.example.com")])
    office.start()
    assert "localhost" in seen(office, "localhost")[0]
    assert seen(office, "mail.example.net")[0] == ["mail.example.net"]
    assert seen(office, "mail.example.net", False)[0] == ["mail.example.net"]
    assert seen(office, "pop.example.com")[0] == ["*.example.com"]
    assert "localhost" in seen(office, "unknown.example.org")[0]
    # Both kinds of key for one name: the client's ciphers decide.
    for kind in ("ECDSA", "RSA"):
        names, used = seen(office, "mail.example.net",
                           ciphers=f"ECDHE-{kind}-AES128-GCM-SHA256")
        assert names == ["mail.example.net"] and kind in used
    # Threat 6: a name that nobody has leaves nothing behind.
    pid = office.pids("worker")[0]

    def memory():
        with open(f"/proc/{pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1])

    context = ssl._create_unverified_context()
    before = 0
    for n in range(120):
        with socket.create_connection(("127.0.0.1", office.pop3s_port)) as s:
            context.wrap_socket(s, server_hostname=f"x{n}." + "a" * 60 +
                                ".example.org").close()
        before = memory() if n == 40 else before
    # Freed memory is kept aside by the sanitizers.
    assert SANITIZED or memory() - before < 256  # pages: 1 MiB


def test_what_is_wrong_is_said(new_office):
    office = new_office(start=False)
    folder = os.path.join(office.dir, "tls")
    a = make_certificate(folder, "a", "a.example.org")
    b = make_certificate(folder, "b", "b.example.org", days=3)
    set_certificates(office, [a, (b[0], a[1])])
    done = office.run("check", "--json", code=10)
    texts = [p["text"] for p in json.loads(done.stdout)["problems"]]
    assert len(texts) == 1 and b[0] in texts[0] and "key values" in texts[0]
    with open(office.config, encoding="utf-8") as f:
        text = f.read()
    with open(office.config, "w", encoding="utf-8") as f:
        f.write(text.replace(f"{b[0]}, key: {a[1]}", f"{b[0]}, key: {b[1]}"))
    done = office.run("check")
    assert re.search(rb"b.example.org ends in [23] days, on 20", done.stderr)
