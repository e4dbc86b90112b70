"""Messages on the wire, in the words of the standards and not of src/mime."""
import re


class Failure(AssertionError):
    pass


def to_wire(body):
    """What a client sends behind DATA: RFC 5321 section 4.5.2."""
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    if body.startswith(b"."):
        body = b"." + body
    return body.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def repaired(body):
    """
    The rule of src/mime/wire.h in other words: each LF with all the
    CRs before it is one line end, each other CR is one, and the last line has
    a line end too.
    """
    body = re.sub(rb"\r*\n|\r", b"\r\n", body)
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    return body


def is_strict(body):
    """Whether SMTP takes it: no CR and no LF but in CRLF."""
    return re.search(rb"\r(?!\n)|(?<!\r)\n", body) is None


TRACE = re.compile(
    rb"Return-Path: <[^\r\n]*>\r\n"
    rb"Received: from [^\r\n]*\r\n"
    rb"\tby [^\r\n]* with (?:E?SMTPS?|UTF8SMTPS?|(?:UTF8)?LMTPS?) id [^\r\n;]*"
    rb"(?:\r\n\tfor <[^\r\n]*>)?;\r\n"
    rb"\t[A-Z][a-z][a-z], [^\r\n]* [+-]\d{4}(?: \([A-Z]*\))?\r\n")


def strip_trace(message):
    """Takes off what the server adds (RFC 5321 section 4.4)."""
    m = TRACE.match(message)
    if not m:
        raise Failure(f"no trace fields in front: {message[:400]!r}")
    return message[m.end():]
