"""The engine imports Python's standard library and itself, nothing else."""

import ast
import sys
from pathlib import Path

ENGINE = Path(__file__).resolve().parents[2] / "addons" / "sales_process" / "engine"


def imported(path: Path) -> set[str]:
    """Top-level names of what a file imports; relative imports are the engine's own."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def test_only_the_standard_library():
    foreign = {
        f"{path.name}: {name}"
        for path in ENGINE.rglob("*.py")
        for name in imported(path) - set(sys.stdlib_module_names)
    }
    assert not foreign
