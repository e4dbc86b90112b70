"""Marionette: how a program of Mozilla's is driven from outside.

The protocol is a TCP connection with messages `LENGTH:JSON`. The program
greets; a command is [0, id, name, parameters] and its answer [1, id, error,
result].
"""
import json
import socket


class MarionetteError(Exception):
    pass


class Marionette:
    def __init__(self, port, timeout):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        self.timeout = timeout
        self.buffer = b""
        self.last = 0
        hello = self.receive()
        if hello.get("marionetteProtocol") != 3:
            raise MarionetteError(f"another protocol: {hello}")
        self.ask("WebDriver:NewSession", {"capabilities": {}})
        self.ask("WebDriver:SetTimeouts", {"script": int(timeout * 1000)})
        self.ask("Marionette:SetContext", {"value": "chrome"})

    def receive(self):
        while b":" not in self.buffer:
            self.fill()
        length, self.buffer = self.buffer.split(b":", 1)
        while len(self.buffer) < int(length):
            self.fill()
        text = self.buffer[:int(length)]
        self.buffer = self.buffer[int(length):]
        return json.loads(text)

    def fill(self):
        more = self.sock.recv(1 << 16)
        if not more:
            raise MarionetteError("the program has closed the connection")
        self.buffer += more

    def ask(self, name, parameters):
        self.last += 1
        text = json.dumps([0, self.last, name, parameters]).encode()
        self.sock.sendall(b"%d:%s" % (len(text), text))
        _, number, error, result = self.receive()
        if number != self.last:
            raise MarionetteError(f"answer {number} to {self.last}")
        if error:
            raise MarionetteError(f"{name}: {error['message']}\n"
                                  f"{error['stacktrace']}")
        return result

    def run(self, script, *args):
        """Runs the body of an async function with chrome's rights; what it
        returns."""
        # The last argument is the callback that ends an async script.
        whole = ("const done = arguments[arguments.length - 1];"
                 "const args = Array.from(arguments).slice(0, -1);"
                 f"(async (args) => {{ {script} }})(args).then("
                 "v => done({value: v === undefined ? null : v}),"
                 "e => done({error: String(e) + '\\n' + (e.stack || '')}));")
        result = self.ask("WebDriver:ExecuteAsyncScript", {
            "script": whole, "args": list(args), "newSandbox": True,
            "sandbox": "system"})["value"]
        if "error" in result:
            raise MarionetteError(result["error"])
        return result["value"]

    def close(self):
        try:
            self.ask("Marionette:Quit", {"flags": ["eForceQuit"]})
        finally:
            self.sock.close()
