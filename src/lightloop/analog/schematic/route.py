"""Wires by search on the grid: short, few bends, few crossings, never through a symbol or a foreign pin (Lee, 1961)."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable

from lightloop.analog.schematic.board import HORIZONTAL, VERTICAL, Board, Segment
from lightloop.analog.schematic.drawing import Point

BEND, CROSSING, CLOSE = 2.5, 7.0, 1.2
STEPS = {(1, 0): HORIZONTAL, (-1, 0): HORIZONTAL, (0, 1): VERTICAL, (0, -1): VERTICAL}
Node = tuple[Point, tuple[int, int]]


def tree_of(board: Board, net: str, pins: list[Point], longest: float) -> list[tuple[list[Point], list[Segment]]]:
    """Wires that join the pins of a net; several trees where a way would cost more than `longest`.

    Returns:
        For each tree its pins and its segments.
    """
    waiting = list(dict.fromkeys(pins))
    trees = []
    while waiting:
        reached, segments = [waiting.pop(0)], []
        points = set(reached)
        while waiting:
            path = cheapest(board, net, points, set(waiting), longest)
            if path is None:
                break
            segments += board.draw(path, net)
            points |= set(_all_points(path))
            hit = [pin for pin in waiting if pin in points]
            reached += hit
            waiting = [pin for pin in waiting if pin not in hit]
        trees.append((reached, segments))
    return trees


def _all_points(path: list[Point]) -> Iterable[Point]:
    from lightloop.analog.schematic.board import points_between

    for start, end in itertools.pairwise(path):
        yield from points_between(start, end)


def cheapest(board: Board, net: str, starts: set[Point], goals: set[Point], longest: float) -> list[Point] | None:
    """Corners of the cheapest way from any start to any goal; None where it costs more than `longest`."""
    targets = sorted(goals)

    def left(point: Point) -> float:
        """Steps to the nearest goal: what a way costs at least."""
        return min(abs(point[0] - x) + abs(point[1] - y) for x, y in targets)

    queue: list[tuple[float, int, float, Node]] = []
    best: dict[Node, float] = {}
    before: dict[Node, Node | None] = {}
    count = 0
    for start in sorted(starts):
        if not board.may_turn(start, net):
            continue
        for step in STEPS:
            node = (start, step)
            best[node], before[node] = 0.0, None
            heapq.heappush(queue, (left(start), count, 0.0, node))
            count += 1
    while queue:
        _, _, cost, node = heapq.heappop(queue)
        if cost > best[node] + 1e-9:
            continue
        point, (dx, dy) = node
        if point in goals and board.may_turn(point, net):
            return _corners(node, before)
        target = (point[0] + dx, point[1] + dy)
        if board.may_pass(target, net, STEPS[(dx, dy)]) and target not in starts:
            price = cost + 1.0 + _price(board, target, net)
            if price + left(target) <= longest:
                count = _offer(queue, best, before, (target, (dx, dy)), price, left(target), node, count)
        if before[node] is not None and board.may_turn(point, net) and point not in starts:
            for turned in ((dy, dx), (-dy, -dx)):
                count = _offer(queue, best, before, (point, turned), cost + BEND, left(point), node, count)
    return None


def _offer(queue: list[tuple[float, int, float, Node]], best: dict[Node, float], before: dict[Node, Node | None],
           node: Node, price: float, left: float, origin: Node, count: int) -> int:  # fmt: skip
    if price < best.get(node, float("inf")) - 1e-9:
        best[node], before[node] = price, origin
        heapq.heappush(queue, (price + left, count, price, node))
        return count + 1
    return count


def _price(board: Board, point: Point, net: str) -> float:
    price = CROSSING if board.crosses(point, net) else 0.0
    x, y = point
    for near in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
        if board.pins.get(near, net) != net or any(other != net for other in board.used.get(near, ())):
            price += CLOSE
            break
    return price


def _corners(node: Node, before: dict[Node, Node | None]) -> list[Point]:
    points: list[Point] = []
    at: Node | None = node
    while at is not None:
        if not points or points[-1] != at[0]:
            points.append(at[0])
        at = before[at]
    points.reverse()
    kept = points[:1]
    for here, after in zip(points[1:], [*points[2:], None], strict=False):
        if after is None or (here[0] - kept[-1][0]) * (after[1] - here[1]) != (here[1] - kept[-1][1]) * (
            after[0] - here[0]
        ):
            kept.append(here)
    return kept
