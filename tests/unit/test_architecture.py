"""The house of the design: data flows upward, nothing imports in a circle, no module imports the whole package."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"

GROUND = {"errors", "units", "settings", "runs", "parallel", "lazy"}
MAY_IMPORT: dict[str, set[str]] = {
    # physics and mathematics: rooms that do not know one another
    **dict.fromkeys(("maxwell", "spice", "optim", "optics", "workload", "search"), GROUND),
    # built on the row above
    "operators": GROUND | {"maxwell"},
    "pretrain": GROUND | {"optim", "onn", "optics"},
    "onn": GROUND | {"optics"},
    "accelerator": GROUND | {"workload", "search"},
    "inverse": GROUND | {"maxwell", "operators", "search"},
    "analog": GROUND | {"spice", "search"},
    "rf": GROUND | {"search"},
    # the top
    "report": GROUND,
    "loop": GROUND
    | {"optim", "pretrain", "onn", "optics", "workload", "accelerator", "report", "search", "maxwell"}
    | {"operators", "inverse", "analog", "rf", "spice"},
    "mcp": GROUND | {"analog", "spice", "search"},
}
MAY_IMPORT["cli"] = GROUND | set(MAY_IMPORT)


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCE.rglob("*.py")}


def imports(path: Path, *, everywhere: bool) -> set[str]:
    """Modules of lightloop that a file imports; only at module level unless `everywhere`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if everywhere else _module_level(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else str(node.module))
    return {name for name in found if name.split(".")[0] == "lightloop"}


def _module_level(tree: ast.Module) -> list[ast.AST]:
    found: list[ast.AST] = []
    queue: list[ast.AST] = list(tree.body)
    while queue:
        node = queue.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        found.append(node)
        queue.extend(ast.iter_child_nodes(node))
    return found


def room(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def test_nothing_below_imports_what_stands_above() -> None:
    wrong = []
    for name, path in MODULES.items():
        here = room(name)
        if here in {"", "__main__"}:
            continue
        allowed = GROUND if here in GROUND else MAY_IMPORT[here] | {here}
        wrong += [f"{name} imports {other}" for other in imports(path, everywhere=True) if room(other) not in allowed]
    assert not wrong


def test_no_module_imports_the_package_itself() -> None:
    wrong = [name for name, path in MODULES.items() if "lightloop" in imports(path, everywhere=True)]
    assert not [name for name in wrong if room(name) not in {"cli"}]


def test_there_is_no_circle() -> None:
    graph = {name: imports(path, everywhere=False) & MODULES.keys() - {name} for name, path in MODULES.items()}
    done: set[str] = set()
    trail: list[str] = []

    def visit(name: str) -> None:
        assert name not in trail, f"circle: {' -> '.join([*trail[trail.index(name) :], name])}"
        if name in done:
            return
        trail.append(name)
        for other in sorted(graph[name]):
            visit(other)
        trail.pop()
        done.add(name)

    for name in sorted(graph):
        visit(name)


def test_no_star_imports_and_no_drawers() -> None:
    for name, path in MODULES.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        stars = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]
        assert not stars, name
        assert name.rsplit(".", 1)[-1] not in {"utils", "util", "helpers", "common", "base", "misc"}, name
