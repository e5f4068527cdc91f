"""Wires by search on the grid: short, few bends, few crossings, never through a symbol or a foreign pin (Lee, 1961)."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from lightloop.analog.schematic.board import HORIZONTAL, VERTICAL, Board, Segment, points_between
from lightloop.analog.schematic.drawing import Point

BEND, CROSSING, CLOSE = 2.5, 7.0, 1.2
FEW = 6
STEPS = {(1, 0): HORIZONTAL, (-1, 0): HORIZONTAL, (0, 1): VERTICAL, (0, -1): VERTICAL}
Node = tuple[Point, tuple[int, int]]


@dataclass
class Tree:
    """Joined wires of a net: the pins that they reach, all points that they cover, their segments."""

    pins: list[Point]
    points: set[Point]
    segments: list[Segment] = field(default_factory=list)

    def take(self, other: Tree) -> None:
        """Add another tree that touches this one."""
        self.pins += other.pins
        self.points |= other.points
        self.segments += other.segments


def trees_of(board: Board, net: str, pins: list[Point], spines: list[Segment], longest: float) -> list[Tree]:
    """Wires that join the pins of a net; several trees where a way would cost more than `longest`.

    Args:
        board: The grid.
        net: The net.
        pins: Where its pins are.
        spines: Straight wires between two of them that are drawn already.
        longest: What one way may cost.
    """
    waiting = [Tree([pin], {pin}) for pin in dict.fromkeys(pins)]
    for start, end in spines:
        waiting = _touched(Tree([], set(points_between(start, end)), [(start, end)]), waiting)
    trees = []
    while waiting:
        tree = waiting.pop(0)
        while waiting:
            goals = set().union(*(other.points for other in waiting))
            path = cheapest(board, net, tree.points, goals, longest)
            if path is None:
                break
            tree.segments += board.draw(path, net)
            for start, end in itertools.pairwise(path):
                tree.points |= set(points_between(start, end))
            waiting = [other for other in _touched(tree, waiting) if other is not tree]
        trees.append(tree)
    return trees


def _touched(tree: Tree, others: list[Tree]) -> list[Tree]:
    """The trees after those that share a point with one have become part of it; it stands first."""
    for other in [other for other in others if other.points & tree.points]:
        tree.take(other)
        others = [one for one in others if one is not other]
    return [tree, *others]


def cheapest(board: Board, net: str, starts: set[Point], goals: set[Point], longest: float) -> list[Point] | None:
    """Corners of the cheapest way from any start to any goal; None where it costs more than `longest`."""
    left = _least_way(goals)

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


def _least_way(goals: set[Point]) -> Callable[[Point], float]:
    """What a way from a point costs at least: the steps to the nearest goal, or to the box around very many."""
    few = sorted(goals) if len(goals) <= FEW else []
    left, right = min(x for x, _ in goals), max(x for x, _ in goals)
    top, bottom = min(y for _, y in goals), max(y for _, y in goals)

    def to_nearest(point: Point) -> float:
        return min(abs(point[0] - x) + abs(point[1] - y) for x, y in few)

    def to_box(point: Point) -> float:
        return max(left - point[0], 0, point[0] - right) + max(top - point[1], 0, point[1] - bottom)

    return to_nearest if few else to_box


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
