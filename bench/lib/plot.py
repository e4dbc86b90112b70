"""Small line charts as SVG, panels side by side, axes in powers of ten."""
import math
from xml.sax.saxutils import escape

COLOURS = {"yubin": "#c0392b", "dovecot-perf": "#2c6fbb",
           "dovecot-shared": "#17806d", "dovecot-maildir": "#8e6bbf"}
NAMES = {"yubin": "Yubin", "dovecot-perf": "Dovecot, a process a client",
         "dovecot-shared": "Dovecot, shared processes",
         "dovecot-maildir": "Dovecot, Maildir"}
PANEL_W, PANEL_H = 330, 290
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 34, 70
STYLE = ("text{font:11px system-ui,sans-serif;fill:#444}"
         ".t{font-size:13px;font-weight:600;fill:#222}"
         ".g{stroke:#e4e4e4}.a{stroke:#999;fill:none}"
         ".l{fill:none;stroke-width:2}")


def short(v):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if v >= size:
            return f"{v / size:g}{unit}"
    return f"{v:g}"


class Axis:
    """A logarithmic one, from octet to octet of ten."""

    def __init__(self, values, start, end, decades=True):
        low, high = min(values), max(values)
        if decades:
            low = 10 ** math.floor(math.log10(low) + 1e-9)
            high = 10 ** math.ceil(math.log10(high) - 1e-9)
        if high <= low:
            high = low * 10
        self.low, self.high = math.log10(low), math.log10(high)
        self.start, self.end = start, end

    def at(self, v):
        part = (math.log10(v) - self.low) / (self.high - self.low)
        return round(self.start + part * (self.end - self.start), 1)

    def ticks(self):
        return [10 ** n for n in range(math.ceil(self.low - 1e-9),
                                       math.floor(self.high + 1e-9) + 1)]


class Panel:
    def __init__(self, title, x_label, lines):
        """`lines` are (server, dashed, [(x, y), ...])."""
        self.title, self.x_label = title, x_label
        self.lines = [(s, d, sorted((x, y) for x, y in p if x > 0 and y > 0))
                      for s, d, p in lines]
        self.lines = [line for line in self.lines if line[2]]

    def draw(self, dx):
        left, right = dx + LEFT, dx + PANEL_W - RIGHT
        top, bottom = TOP, PANEL_H - BOTTOM
        points = [p for _, _, line in self.lines for p in line]
        if not points:
            return []
        xs = Axis([x for x, _ in points], left + 8, right - 8, decades=False)
        ys = Axis([y for _, y in points], bottom, top)
        out = [f'<text class="t" x="{left}" y="{top - 14}">'
               f'{escape(self.title)}</text>']
        for y in ys.ticks():
            at = ys.at(y)
            out.append(f'<path class="g" d="M{left} {at}H{right}"/>'
                       f'<text x="{left - 6}" y="{at + 4}" '
                       f'text-anchor="end">{short(y)}</text>')
        seen = -100
        for x in sorted({x for x, _ in points}):
            at = xs.at(x)
            if at - seen > 28:
                out.append(f'<text x="{at}" y="{bottom + 16}" '
                           f'text-anchor="middle">{short(x)}</text>')
                seen = at
            out.append(f'<path class="a" d="M{at} {bottom}v4"/>')
        out.append(f'<path class="a" d="M{left} {top}V{bottom}H{right}"/>'
                   f'<text x="{(left + right) / 2}" y="{bottom + 33}" '
                   f'text-anchor="middle">{escape(self.x_label)}</text>')
        for server, dashed, line in self.lines:
            colour = COLOURS.get(server, "#555")
            way = "L".join(f"{xs.at(x)} {ys.at(y)}" for x, y in line)
            dash = ' stroke-dasharray="5 4"' if dashed else ""
            out.append(f'<path class="l" stroke="{colour}"{dash} '
                       f'd="M{way}"/>')
            out += [f'<circle cx="{xs.at(x)}" cy="{ys.at(y)}" r="2.6" '
                    f'fill="{colour}"/>' for x, y in line]
        return out


def chart(path, panels, note=""):
    """Writes the panels with one legend below them; false without lines."""
    panels = [p for p in panels if p.lines]
    if not panels:
        return False
    width = PANEL_W * len(panels)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
           f'height="{PANEL_H}" viewBox="0 0 {width} {PANEL_H}" '
           f'role="img"><style>{STYLE}</style>'
           f'<rect width="{width}" height="{PANEL_H}" fill="#fff"/>']
    for i, panel in enumerate(panels):
        out += panel.draw(i * PANEL_W)
    x, y = LEFT, PANEL_H - 12
    for server in dict.fromkeys(s for p in panels for s, _, _ in p.lines):
        name = NAMES.get(server, server)
        out.append(f'<path class="l" stroke="{COLOURS.get(server, "#555")}" '
                   f'd="M{x} {y - 4}h18"/><text x="{x + 23}" y="{y}">'
                   f'{escape(name)}</text>')
        x += 40 + int(6.2 * len(name))
    if note:
        out.append(f'<text x="{width - RIGHT}" y="{y}" text-anchor="end">'
                   f'{escape(note)}</text>')
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")
    return True
