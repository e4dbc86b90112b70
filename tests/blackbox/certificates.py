"""Certificates for tests, made by the openssl program."""
import os
import subprocess


def make_certificate(folder, name, *names, kind="ec", days=90):
    """A self-signed certificate for all `names`: its file and its key's."""
    pem = os.path.join(folder, f"{name}.pem")
    key = os.path.join(folder, f"{name}.key")
    san = ",".join(f"DNS:{n}" for n in names or (name,))
    what = (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            if kind == "ec" else ["-newkey", "rsa:2048"])
    subprocess.run(["openssl", "req", "-x509", "-nodes", *what, "-keyout", key,
                    "-out", pem, "-days", str(days), "-subj", "/CN=test",
                    "-addext", f"subjectAltName={san}"],
                   check=True, capture_output=True, timeout=60)
    os.chmod(key, 0o600)
    return pem, key
