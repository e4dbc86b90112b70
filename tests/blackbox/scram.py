"""The client's half of SCRAM (RFC 5802, 7677), written from the RFC alone.

Every message can be changed on its way out, so that tests can lie.
"""
import base64
import hashlib
import hmac
import os


def b64(octets):
    return base64.b64encode(octets)


def escaped(name):
    return name.replace("=", "=3D").replace(",", "=2C").encode()


class Scram:
    def __init__(self, user, password, header=b"n,,", binding=b"",
                 digest="sha256", nonce=None):
        self.digest = digest
        self.password = password.encode()
        self.header, self.binding = header, binding
        self.nonce = nonce or b64(os.urandom(18))
        self.bare = b"n=" + escaped(user) + b",r=" + self.nonce
        self.first = header + self.bare

    def h(self, key, text):
        return hmac.new(key, text, self.digest).digest()

    def final(self, challenge, **lies):
        """The answer to the server's first message."""
        self.server_first = challenge
        parts = dict(p.split(b"=", 1) for p in challenge.split(b","))
        assert parts[b"r"].startswith(self.nonce), challenge
        assert len(parts[b"r"]) >= len(self.nonce) + 20
        self.salt = base64.b64decode(parts[b"s"], validate=True)
        self.iterations = int(parts[b"i"])
        salted = hashlib.pbkdf2_hmac(self.digest, self.password, self.salt,
                                     self.iterations)
        key = self.h(salted, b"Client Key")
        stored = hashlib.new(self.digest, key).digest()
        c = lies.get("c", b64(self.header + self.binding))
        without = b"c=" + c + b",r=" + lies.get("r", parts[b"r"]) + \
            lies.get("ext", b"")
        auth = self.bare + b"," + challenge + b"," + without
        proof = bytes(a ^ b for a, b in zip(key, self.h(stored, auth)))
        self.signature = self.h(self.h(salted, b"Server Key"), auth)
        self.proof = proof
        return without + b",p=" + b64(lies.get("proof", proof))

    def check(self, answer):
        """The server has to prove that it knows us."""
        assert answer == b"v=" + b64(self.signature), answer


def challenge(line):
    assert line.startswith(b"+ "), line
    return base64.b64decode(line[2:], validate=True)


def login(line, scram, mechanism=b"SCRAM-SHA-256", initial=True, end=b"",
          **lies):
    """
    Runs the exchange over a Line. What the server said last: its +OK or
    -ERR, and the e= before it, if any.
    """
    def ask(text):
        line.say(text + b"\r\n")
        return line.line()

    if initial:
        answer = ask(b"AUTH " + mechanism + b" " + b64(scram.first))
    else:
        assert ask(b"AUTH " + mechanism) == b"+ "
        answer = ask(b64(scram.first))
    if not answer.startswith(b"+ "):
        return answer, None
    said = challenge(answer)
    if not said.startswith(b"e="):
        said = challenge(ask(b64(scram.final(said, **lies))))
    if said.startswith(b"e="):
        return ask(end), said
    scram.check(said)
    return ask(end), None
