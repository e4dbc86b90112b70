"""A server that says what access tokens are worth (RFC 7662), for tests."""
import base64
import http.server
import json
import ssl
import threading
import time
import urllib.parse

CLIENT, SECRET = "mail server", "s3cret/+:%"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json", more=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in more:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        owner = self.server.owner
        n = int(self.headers.get("Content-Length", 0))
        form = urllib.parse.parse_qs(self.rfile.read(n).decode(),
                                     strict_parsing=True)
        with owner.lock:
            owner.asked.append(form)
            owner.peers.add(self.client_address)
        # RFC 7662 section 2.1; RFC 6749 section 2.3.1 says how.
        wanted = base64.b64encode(
            f"{urllib.parse.quote(CLIENT, safe='')}:"
            f"{urllib.parse.quote(SECRET, safe='')}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            self.answer(401, b'{"error":"invalid_client"}')
            return
        if form.get("token_type_hint") != ["access_token"]:
            self.answer(400, b"{}")
            return
        what = owner.tokens.get(form["token"][0], {"active": False})
        if callable(what):
            what(self)
        else:
            self.answer(200, json.dumps(what).encode())

    def do_GET(self):
        self.answer(405, b"")


def wait(seconds):
    """An answer that is late, or never comes."""
    def act(handler):
        handler.server.owner.wake.wait(seconds)
        handler.close_connection = True
    return act


def raw(body, status=200, more=()):
    return lambda handler: handler.answer(status, body, more=more)


def endless(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    try:
        while True:
            handler.wfile.write(b'"' + b"x" * 65536)
    except OSError:
        handler.close_connection = True


def endless_head(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    try:
        while True:
            handler.wfile.write(b"X-More: " + b"x" * 1000 + b"\r\n")
    except OSError:
        handler.close_connection = True


def drip(handler):
    """An octet now and then, for ever."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n{")
        while not handler.server.owner.wake.wait(0.1):
            handler.wfile.write(b" ")
    except OSError:
        pass
    handler.close_connection = True


class Introspection:
    """`tokens` says what each token is worth: an answer, or who answers."""

    def __init__(self, certificate=None):
        self.lock = threading.Lock()
        self.wake = threading.Event()
        self.tokens = {}
        self.asked = []
        self.peers = set()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      _Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.server.owner = self
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True,
                do_handshake_on_connect=False)
            scheme = "https"
        self.port = self.server.server_address[1]
        host = "localhost" if certificate else "127.0.0.1"
        self.url = f"{scheme}://{host}:{self.port}/introspect"
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.05})
        self.thread.start()

    def close(self):
        self.wake.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def good(self, token, user, **more):
        self.tokens[token] = {"active": True, "username": user,
                              "exp": int(time.time()) + 3600,
                              "aud": ["web", "mail"], "scope": "openid mail",
                              **more}

    def times(self, token):
        with self.lock:
            return sum(form["token"] == [token] for form in self.asked)
