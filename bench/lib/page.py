"""docs/performance.md, from results and from prose that is kept beside."""
import os
import re
import textwrap

from measure import median, spread
from plot import Panel, chart
from rows import ROWS
from shapes import SHAPES

NAMES = {"dovecot-perf": "perf", "dovecot-shared": "shared",
         "dovecot-maildir": "maildir", "yubin": "Yubin"}


def best_peer(row, runs):
    """The name and the median of the cheapest peer; None without one."""
    peers = [(n, median(r, row.cost)) for n, r in runs.items()
             if n != "yubin"]
    return min(peers, key=lambda p: p[1][row.cost], default=None)


def number(v):
    if v >= 1000:
        return f"{v:,.0f}"
    return f"{v:.1f}" if v >= 10 else f"{v:.2f}"


def verdict(row, ratio, own):
    """Where a row stands: what it reached, of what was wanted."""
    got = own if row.unit == "KiB" else ratio
    better = (lambda a, b: a <= b) if row.unit == "KiB" else \
        (lambda a, b: a >= b)
    if better(got, row.aim):
        return "aim"
    return "reached" if better(got, row.reach) else "**short**"


def table_row(row, result):
    runs = result["runs"]
    if "yubin" not in runs:
        return f"| {row.title} | failed: {'; '.join(result['errors'])} |"
    own = median(runs["yubin"], row.cost)
    wanted = f"{row.reach:g} / {row.aim:g}"
    peer = best_peer(row, runs)
    if not peer:
        return (f"| {row.title} | | {number(own[row.cost])} | | {wanted} | "
                "| | |")
    name, theirs = peer
    ratio = theirs[row.cost] / own[row.cost]
    if row.unit == "KiB":
        wanted += " KiB"
    wall = "" if row.unit == "KiB" else f"{own['rate'] / theirs['rate']:.1f}"
    p99 = "" if row.unit == "KiB" else \
        f"{number(theirs['p99_ms'])} / {number(own['p99_ms'])}"
    unit = {"us": "", "us/MB": " a MB", "KiB": " KiB"}[row.unit]
    return (f"| {row.title} | {number(theirs[row.cost])}{unit} "
            f"({NAMES.get(name, name)}) | {number(own[row.cost])}{unit} | "
            f"**{ratio:.1f}** | {wanted} | "
            f"{verdict(row, ratio, own[row.cost])} | {wall} | {p99} |")


def table(results):
    rows = [r for r in ROWS if r.name in results["rows"]]
    if not rows:
        return []
    out = ["| case | best Dovecot, us | Yubin, us | ratio | reach / aim | | "
           "rate ratio | p99, ms |", "|---|---|---|---|---|---|---|---|"]
    out += [table_row(r, results["rows"][r.name]) for r in rows]
    noise = [spread(runs, r.cost) for r in rows
             for runs in results["rows"][r.name]["runs"].values()
             if len(runs) > 1]
    if noise:
        noise.sort()
        out += ["", f"Runs of a case lie {noise[len(noise) // 2]:.0%} apart "
                f"in the middle, {noise[-1]:.0%} at most."]
    return out


# ---- shapes ----

def lines(points, y, dashed=False):
    by_server = {}
    for p in points:
        if p.get(y) and "x" in p:
            by_server.setdefault(p["server"], []).append((p["x"], p[y]))
    return [(s, dashed, line) for s, line in by_server.items()]


def latency(title, x_label, points):
    return Panel(title, x_label, lines(points, "p50_ms") +
                 lines(points, "p99_ms", dashed=True))


def plots(results, folder):
    """Writes the charts; the file of each shape that has one."""
    made = {}

    def points(name):
        return results["shapes"].get(name, {}).get("points", [])

    for name, operation, x in (
            ("maildrop-size", "session", "messages in the maildrop"),
            ("message-size", "RETR", "octets of a message"),
            ("connections", "session", "connections at once"),
            ("accounts", "session", "accounts"),
            ("filling", "delivery", "messages in the maildrop")):
        p = points(name)
        path = os.path.join(folder, name + ".svg")
        if chart(path, [Panel(f"CPU of a {operation}, us", x,
                              lines(p, "server_cpu_us")),
                        Panel("rate, a second", x, lines(p, "rate")),
                        latency("latency, ms", x, p)],
                 "solid p50, dashed p99"):
            made[name] = path
    return made


def fact_maildrop_size(shape, _):
    f = shape["facts"]
    if "million_server_cpu_us" not in f:
        return ""
    return (f"A maildrop of 1,000,000 costs {f['million_server_cpu_us']:.1f} "
            f"times what one of 100,000 does, and opens for the first time in "
            f"{f['million_first_ms']:.1f} times the time; linear is 10.")


def fact_accounts(shape, _):
    p = [p for p in shape["points"] if "x" in p]
    f = shape["facts"]
    if not p:
        return ""
    most = f"{p[-1]['x']:,}"
    return (f"A session of ten that come again costs "
            f"{p[0]['server_cpu_us']:.1f} us with {p[0]['x']:,} accounts and "
            f"{p[-1]['server_cpu_us']:.1f} us with {most}; one of "
            f"{f['many']:,} of those {most} in no order, "
            f"{f['many_cpu_us']:.1f} us. A login of one of them for the first "
            f"time costs {p[-1]['first_cpu_us']:.0f} us, nearly all of it "
            f"hashing of its password, with the fewest rounds that a verifier "
            f"may ask for.")


def fact_filling(shape, _):
    return "; ".join(
        f"{NAMES.get(s, s)}: {line[0][1]:,.0f} a second at {line[0][0]:,} "
        f"messages, {line[-1][1]:,.0f} at {line[-1][0]:,}"
        for s, _, line in lines(shape["points"], "rate")) + "."


def fact_crowd(shape, _):
    by_kind = {}
    for p in shape["points"]:
        by_kind.setdefault(p["x"], []).append(p)
    middle = {k: median(v, "server_cpu_us") for k, v in by_kind.items()}
    return "; ".join(f"{k}: {m['server_cpu_us']:.1f} us a session, p99 "
                     f"{m['p99_ms']:.2f} ms" for k, m in middle.items()) + "."


def fact_resumption(shape, _):
    points = [p for p in shape["points"] if "x" in p]
    servers = list(dict.fromkeys(p["server"] for p in points))
    own = {(p["server"], p["x"]): p for p in points}
    out = ["| CPU of a session, us | " +
           " | ".join(NAMES.get(s, s) for s in servers) + " |",
           "|---|" + "---|" * len(servers)]
    for x in dict.fromkeys(p["x"] for p in points):
        out.append(f"| TLS {x} | " + " | ".join(
            number(own[s, x]["server_cpu_us"]) if (s, x) in own else ""
            for s in servers) + " |")
    return "\n".join(out)


def fact_workers(shape, _):
    p, f = shape["points"], shape["facts"]
    return (f"One worker on one core: {p[0]['rate']:,.0f} sessions a second, "
            f"{p[0]['server_cpu_us']:.1f} us each. Two on two: "
            f"{p[1]['rate']:,.0f}, {p[1]['server_cpu_us']:.1f} us each. The "
            f"load needs the same two cores, so that the rate grows "
            f"{f['rate']:.2f} times only; by what a session costs, two cores "
            f"for the server alone would carry {f['capacity']:.2f} times what "
            f"one does.")


def fact_connections(_, results):
    runs = results["rows"].get("session-64", {}).get("runs", {})
    if "yubin" not in runs or len(runs) < 2:
        return ""
    own = median(runs["yubin"], "p99_ms")["p99_ms"]
    theirs = min(median(r, "p99_ms")["p99_ms"] for n, r in runs.items()
                 if n != "yubin")
    return (f"p99 of a session that finds nothing at 64 connections: "
            f"{own:.2f} ms, and {theirs:.2f} of the best Dovecot: "
            f"{theirs / own:.1f} times as much.")


FACTS = {"maildrop-size": fact_maildrop_size, "accounts": fact_accounts,
         "filling": fact_filling, "crowd": fact_crowd,
         "resumption": fact_resumption,
         "workers": fact_workers, "connections": fact_connections}


def shapes(results, made):
    out = []
    for name, (title, _) in SHAPES.items():
        shape = results["shapes"].get(name)
        if shape is None:
            continue
        out += ["", f"### {title[0].upper()}{title[1:]}", ""]
        if shape.get("error"):
            out.append(f"Failed: {shape['error']}")
            continue
        fact = FACTS.get(name, lambda *_: "")(shape, results)
        if fact:
            # A table is in lines of its own already.
            out += [fact if fact[0] == "|" else textwrap.fill(fact, 80), ""]
        if name in made:
            file = os.path.basename(made[name])
            out.append(f"![{title}](performance/{file})")
    return out


# ---- the page ----

def machine(results):
    m = results["machine"]
    words = (f"{m['processor']}, {m['cores']} cores, "
             f"{int(m['memory'].split()[0]) / 1e6:.0f} GB of memory, "
             f"{m['kernel']}; {results['date']}. Each case ran "
             f"{results['runs']} times for {results['seconds']} s.")
    if results["quick"]:
        words += (" A quick run, on a machine that had other work to do: the "
                  "largest maildrops hold a tenth of what they should, and "
                  "the figures tell little.")
    return textwrap.fill(words, 80)


def write(results, docs):
    """The page and its charts below `docs`."""
    folder = os.path.join(docs, "performance")
    os.makedirs(folder, exist_ok=True)
    made = plots(results, folder)
    with open(os.path.join(folder, "page.md"), encoding="utf-8") as f:
        text = f.read()
    parts = {"MACHINE": machine(results),
             "TABLE": "\n".join(table(results)),
             "SHAPES": "\n".join(shapes(results, made)).strip()}
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", part)
    # What this file says about itself belongs to the source alone.
    text = re.sub(r"\n{3,}", "\n\n", text[text.index("# "):])
    with open(os.path.join(docs, "performance.md"), "w",
              encoding="utf-8") as f:
        f.write("<!-- Written by bench/compare from performance/page.md: "
                "change that. -->\n" + text)
