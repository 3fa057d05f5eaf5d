"""Charts as SVG text inside the page. They have no script; page.css has their style."""

import math
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from markupsafe import Markup, escape

WIDTH, HEIGHT = 520, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 26, 30
TICKS = 4
BARS_WIDTH, BARS_HEIGHT = 112, 28


class Line(NamedTuple):
    """name: for readers who hear the chart. points: (x, y), in order of x. style: the class in page.css, 'float' or
    'quantized'."""

    name: str
    points: Sequence[Tuple[float, float]]
    style: str


def chart(title: str, lines: Sequence[Line], marked: Sequence[Tuple[float, float]] = (),
          x_name: str = "epoch") -> Optional[Markup]:
    """A chart of lines over whole numbers x, with a ring around each point of `marked`. None where no line has a finite
    point."""
    lines = [line._replace(points=[point for point in line.points if math.isfinite(point[1])]) for line in lines]
    every = [point for line in lines for point in line.points]
    if not every:
        return None
    low_x, high_x = min(x for x, _ in every), max(x for x, _ in every)
    ticks = _ticks(min(y for _, y in every), max(y for _, y in every))
    low_y, high_y = ticks[0], ticks[-1]

    def place(x: float, y: float) -> Tuple[float, float]:
        along = 0.5 if high_x == low_x else (x - low_x) / (high_x - low_x)
        return (round(LEFT + 8 + along * (WIDTH - LEFT - RIGHT - 16), 1),
                round(TOP + (high_y - y) / (high_y - low_y) * (HEIGHT - TOP - BOTTOM), 1))

    parts = [_frame(ticks, lambda y: place(low_x, y)[1])]
    for x in _whole_ticks(low_x, high_x):
        parts.append('<text class="tick" x="{}" y="{}" text-anchor="middle">{:g}</text>'.format(
            place(x, low_y)[0], HEIGHT - BOTTOM + 15, x))
    parts.append('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>'.format(
        WIDTH - RIGHT, HEIGHT - 3, escape(x_name)))
    for line in lines:
        if line.points:
            spots = [place(*point) for point in line.points]
            parts.append('<polyline class="line {}" points="{}"/>'.format(
                line.style, " ".join("{},{}".format(*spot) for spot in spots)))
            parts += ['<circle class="dot {}" cx="{}" cy="{}" r="2.5"/>'.format(line.style, *spot) for spot in spots]
    parts += ['<circle class="ring" cx="{}" cy="{}" r="6"/>'.format(*place(*point)) for point in marked]
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'.format(
        WIDTH, HEIGHT, escape(_spoken(title, lines)), "".join(parts)))


def bars(heights: Sequence[float], spoken: str) -> Markup:
    """A small bar chart. The highest bar is as high as the chart. spoken: its text for readers who do not see it."""
    top, width = max(max(heights), 1e-12), BARS_WIDTH / len(heights)
    steps = "".join("V{:g}H{:g}".format(round(BARS_HEIGHT * (1 - height / top), 1), round(width * (index + 1), 1))
                    for index, height in enumerate(heights))
    return Markup('<svg class="bars-chart" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">'
                  '<path d="M0 {1}{3}V{1}Z"/></svg>'.format(BARS_WIDTH, BARS_HEIGHT, escape(spoken), steps))


def _frame(ticks: Sequence[float], place: Callable[[float], float]) -> str:
    parts = []
    for tick in ticks:
        parts.append('<line class="grid" x1="{}" x2="{}" y1="{y}" y2="{y}"/>'.format(
            LEFT, WIDTH - RIGHT, y=place(tick)))
        parts.append('<text class="tick" x="{}" y="{}" text-anchor="end">{:.6g}</text>'.format(
            LEFT - 6, place(tick) + 4, tick))
    return "".join(parts)


def _spoken(title: str, lines: Sequence[Line]) -> str:
    """The chart's text for readers who do not see it."""
    said = ["{} from {:.4g} to {:.4g} in {} points".format(
        line.name, line.points[0][1], line.points[-1][1], len(line.points)) for line in lines if line.points]
    return "{}: {}".format(title, "; ".join(said))


def _ticks(low: float, high: float) -> List[float]:
    """Round numbers at equal distances. The first is at most `low`, the last at least `high`."""
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5 * max(abs(low), 1e-3), high + 0.5 * max(abs(high), 1e-3)
    exact = (high - low) / TICKS
    size = 10.0 ** math.floor(math.log10(exact))
    step = next(factor * size for factor in (1, 2, 2.5, 5, 10) if factor * size >= exact)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def _whole_ticks(low: float, high: float) -> List[int]:
    step = max(1, int(math.ceil((high - low) / 10)))
    return list(range(int(low), int(high) + 1, step))
