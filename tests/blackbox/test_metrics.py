"""What is counted, how it is shown, and that Prometheus can read it."""
import json
import os
import re
import socket
import subprocess
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from post_office import PATIENCE, ROOT, next_source

FILES = os.path.join(ROOT, "contrib/prometheus")


def http(office, request, timeout=None):
    """The octets that answer a raw request."""
    with socket.create_connection(("127.0.0.1", office.metrics_port),
                                  timeout or PATIENCE) as s:
        s.sendall(request)
        got = b""
        while more := s.recv(65536):
            got += more
        return got


def get(office, path):
    """(status, fields, body)"""
    head, body = http(office, b"GET " + path.encode() + b" HTTP/1.1\r\n"
                      b"Host: localhost\r\n\r\n").split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines[1:])
    assert int(fields["Content-Length"]) == len(body)
    return int(lines[0].split()[1]), fields, body.decode()


def values(office):
    """{"name{label="value"}": number}"""
    status, fields, text = get(office, "/metrics")
    assert status == 200
    # OpenMetrics 1.0.0, "Overall Structure".
    assert fields["Content-Type"] == \
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert text.endswith("\n# EOF\n")
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines() if not line.startswith("#")}


def total(found, name, *labels):
    return sum(v for k, v in found.items()
               if k.split("{")[0] == name and all(x in k for x in labels))


def wait_for(what):
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_people_do_is_counted(office, user):
    before = values(office)
    office.deliver(user, b"Subject: x\r\n\r\nbody\r\n")
    with office.lmtp() as c:
        c.smtp_ask(b"MAIL FROM:<a@example.net>")
        c.smtp_ask(b"RCPT TO:<nobody@" + user.split("@")[1].encode() + b">",
                   b"550")
    with office.pop3(user, tls=True) as c:
        inside = values(office)
        c.retr(1)
        c.ask(b"DELE 1")
        c.ask(b"NOPE", b"-ERR")
        c.ask(b"QUIT")
    with office.pop3(source=next_source()) as c:
        c.ask(b"USER " + user.encode())
        c.ask(b"PASS wrong", b"-ERR")
    with office.pop3(user):
        pass
    wait_for(lambda: total(values(office), "yubin_pop3_deleted_total") >
             total(before, "yubin_pop3_deleted_total"))
    after = values(office)

    def rose(name, *labels):
        return total(after, name, *labels) - total(before, name, *labels)

    assert total(inside, "yubin_pop3_sessions_open") == 1
    assert total(inside, "yubin_connections", 'service="pop3s"') == 1
    assert rose("yubin_pop3_sessions_total") == 2
    assert rose("yubin_pop3_retrieved_total") == 1
    assert rose("yubin_deliveries_total", 'result="accepted"') == 1
    assert rose("yubin_recipients_total", 'result="accepted"') == 1
    assert rose("yubin_recipients_total", 'result="rejected"') == 1
    assert rose("yubin_auth_attempts_total", 'mech="PASS"',
                'result="ok"') == 2
    assert rose("yubin_auth_attempts_total", 'mech="PASS"',
                'result="denied"') == 1
    assert rose("yubin_auth_cache_hits_total") == 1
    assert rose("yubin_auth_hashes_total") == 2
    assert rose("yubin_tls_handshakes_total", 'result="ok"') == 1
    assert rose("yubin_store_commit_seconds_count") == 1
    assert rose("yubin_store_expunge_seconds_count") == 1
    assert rose("yubin_store_open_seconds_count") == 2
    for verb, n in {"USER": 3, "PASS": 3, "RETR": 1, "DELE": 1, "QUIT": 1,
                    "other": 1}.items():
        assert rose("yubin_pop3_command_seconds_count",
                    f'command="{verb}"') == n, verb
    assert rose("yubin_smtp_command_seconds_count", 'command="RCPT"') == 2
    # PBKDF2 takes longer than a millisecond everywhere.
    assert rose("yubin_pop3_command_seconds_sum", 'command="PASS"') > 0.001
    assert rose("yubin_sent_bytes_total", 'service="pop3s"') > 100
    assert rose("yubin_received_bytes_total", 'service="lmtp"') > 100
    assert total(after, "yubin_store_free_bytes") > 0
    days = (total(after, "yubin_certificate_expiry_timestamp_seconds") -
            time.time()) / 86400
    assert 800 < days < 830
    # Nobody is named.
    assert user.split("@")[0] not in str(after)


ASKED = """#!/usr/bin/python3
import json, sys, time
for line in sys.stdin:
    q = json.loads(line)
    if q["account"].startswith("slow"):
        time.sleep(9)
    if q["account"].startswith("gone"):
        sys.exit(0)
    print(json.dumps({"id": q["id"], "verdict": "%s" % (
        "maybe" if q["account"].startswith("odd") else "deny")}), flush=True)
"""


def test_what_is_asked_outside_is_counted(new_office):
    office = new_office(start=False)
    program = os.path.join(office.folder, "policy")
    with open(program, "w", encoding="ascii") as f:
        f.write(ASKED)
    os.chmod(program, 0o755)
    with open(office.config, "a", encoding="ascii") as f:
        f.write(f"policy: {{command: {program}, timeout: 1500}}\n")
    office.start()

    def login(name):
        with office.pop3(source=next_source()) as c:
            c.ask(b"USER " + name + b"@example.org")
            c.ask(b"PASS x", b"-ERR")

    before = values(office)
    assert total(before, "yubin_lookups_total") == 0
    for name in (b"any", b"odd", b"gone", b"slow"):
        login(name)
    after = values(office)
    for result in ("ok", "invalid", "failed", "timeout"):
        assert after['yubin_lookups_total{kind="policy",result="%s"}' %
                     result] == 1, result
    assert total(after, "yubin_lookups_total") == 4
    assert after['yubin_lookup_seconds_count{kind="policy"}'] == 4
    assert 1.5 < after['yubin_lookup_seconds_sum{kind="policy"}'] < 9
    # Where lookup is not there, that is counted as well.
    office.expects_deaths = True
    office.kill(office.pids("lookup")[0])
    login(b"any")
    wait_for(lambda: total(values(office), "yubin_lookups_total") == 5)


def test_tls_failures_are_counted(office):
    before = values(office)
    with socket.create_connection(("127.0.0.1", office.pop3s_port)) as s:
        s.sendall(b"this is not TLS\r\n")
        s.recv(100)
    after = values(office)
    name = 'yubin_tls_handshakes_total{result="failed"}'
    assert after[name] == before[name] + 1


def test_the_reference_parser_takes_it(office):
    families = list(text_string_to_metric_families(
        get(office, "/metrics")[2]))
    assert {f.type for f in families} == {"counter", "gauge", "histogram",
                                          "info"}
    for f in families:
        assert f.documentation and f.samples, f.name
        assert not f.unit or f.name.endswith(f.unit)
    build = next(f for f in families if f.name == "yubin_build")
    assert build.samples[0].labels["version"]


def test_prometheus_reads_it(office, tmp_path):
    """promtool has Prometheus's own OpenMetrics parser."""
    text = get(office, "/metrics")[2]
    now = int(time.time())
    path = tmp_path / "metrics"
    path.write_text("".join(
        line + ("" if line.startswith("#") else f" {now}") + "\n"
        for line in text.splitlines()))
    done = subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", path,
         tmp_path / "data"], capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


def test_alerts_and_dashboard(office, tmp_path):
    for what, name in (("rules", "yubin.rules.yml"),
                       ("config", "prometheus.yml")):
        done = subprocess.run(["promtool", "check", what, name], cwd=FILES,
                              capture_output=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr + done.stdout
    known = {k.split("{")[0] for k in values(office)}
    used = set()
    for name in ("yubin.rules.yml", "grafana-dashboard.json"):
        with open(os.path.join(FILES, name), encoding="utf-8") as f:
            text = f.read()
        here = set(re.findall(r"\byubin_\w+", text))
        assert here <= known, (name, here - known)
        used |= here
    assert len(used) > 20
    with open(os.path.join(FILES, "grafana-dashboard.json"),
              encoding="utf-8") as f:
        panels = json.load(f)["panels"]
    assert len({p["id"] for p in panels}) == len(panels)
    cells = [(x, y) for p in panels for g in [p["gridPos"]]
             for x in range(g["x"], g["x"] + g["w"])
             for y in range(g["y"], g["y"] + g["h"])]
    assert len(set(cells)) == len(cells), "panels overlap"
    # Every query is one to Prometheus, as part of a rule.
    rules = [{"record": "a:b", "labels": {"n": str(i)},
              "expr": t["expr"].replace("$__rate_interval", "5m")}
             for i, t in enumerate(t for p in panels
                                   for t in p.get("targets", []))]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "x", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", path],
                          capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


def test_health(new_office):
    office = new_office()
    assert get(office, "/livez")[0] == 200
    assert get(office, "/readyz")[0] == 200
    office.expects_deaths = True
    before = values(office)
    with office.pop3() as c:
        c.ask(b"NOOP", b"-ERR")
        # The third death makes a pause.
        for _ in range(3):
            wait_for(lambda: office.pids("store") and not
                     office.killed & set(office.pids("store")))
            office.kill(office.pids("store")[0])
        wait_for(lambda: get(office, "/readyz")[0] == 503)
        status, _, body = get(office, "/readyz")
        assert (status, body) == (503, "store: 0 of 1 ready\n")
        assert get(office, "/livez")[0] == 200
    for pid in office.pids("worker"):
        office.kill(pid)
    office.wait_all_ready()
    assert get(office, "/readyz")[0] == 200
    after = values(office)
    assert total(after, "yubin_process_restarts_total", 'role="store"') >= 3
    # Totals never fall, and nobody is connected to the dead.
    for k, v in before.items():
        if re.search(r"_(total|count|bucket|sum)\b", k.split("{")[0]):
            assert after[k] >= v, k
    assert total(after, "yubin_connections") == 0


def test_metrics_process_dies_and_returns(new_office):
    office = new_office()
    office.expects_deaths = True
    user = office.add_account()
    office.deliver(user, b"x\r\n")
    before = total(values(office), "yubin_deliveries_total")
    office.kill(office.pids("metrics")[0])
    office.wait_all_ready()
    assert total(values(office), "yubin_deliveries_total") == before == 1


def test_off_and_on(new_office):
    office = new_office(start=False)
    with open(office.config, encoding="utf-8") as f:
        text = f.read()
    line = re.search(r"(?m)^ *metrics:.*\n", text).group()
    with open(office.config, "w", encoding="utf-8") as f:
        f.write(text.replace(line, ""))
    office.start()
    assert office.pids("metrics") == []
    with pytest.raises(ConnectionRefusedError):
        get(office, "/livez")
    office.stop()
    with open(office.config, "w", encoding="utf-8") as f:
        f.write(text.replace(line, line.replace("127.0.0.1", "0.0.0.0")))
    done = office.run("check", code=10)
    assert b"is for this machine only" in done.stderr


@pytest.mark.parametrize("request_, status", [
    (b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"POST /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\nHost: a\n\n\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 413),
    (b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000, 431),
    (b"GET /metrics HTTP/3.0\r\nHost: a\r\n\r\n", 505),
])
def test_strict_http(office, request_, status):
    answer = http(office, request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:100]
    assert b"\r\nConnection: close\r\n" in answer
    if status == 405:
        assert b"\r\nAllow: GET, HEAD\r\n" in answer


def test_head_has_no_body(office):
    head, body = http(office, b"HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n"
                      ).split(b"\r\n\r\n")
    assert body == b"" and b"Content-Length: 6" in head


def test_idle_clients_do_not_shut_others_out(office):
    idle = [socket.create_connection(("127.0.0.1", office.metrics_port))
            for _ in range(300)]
    try:
        for path in ("/livez", "/readyz", "/metrics"):
            assert get(office, path)[0] == 200
    finally:
        for s in idle:
            s.close()
    # An octet at a time is as good.
    with socket.create_connection(("127.0.0.1", office.metrics_port)) as s:
        for octet in b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n":
            s.sendall(bytes([octet]))
        assert s.recv(1000).startswith(b"HTTP/1.1 200 OK")
