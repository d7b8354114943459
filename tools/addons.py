"""Our add-ons: which can be installed here, and fingerprints that tell when an installed copy is old."""

import ast
import hashlib
from functools import cache
from pathlib import Path

from . import odoo_source
from .console import warn
from .settings import ADDONS, extra_addons

NOT_RUNNING = {"tests", "__pycache__"}
# What the database does not hold: it may change without a new installation.
NOT_INSTALLED = NOT_RUNNING | {"static", "engine"}
# Functions whose body decides what the database holds.
SCHEMA_FUNCTIONS = {"init", "_auto_init", "_table_query"}


def folders() -> list[Path]:
    """The add-on folders in the order Odoo is to search them."""
    return [ADDONS, *extra_addons(), *map(Path, odoo_source.current()["addons"])]


def installable() -> tuple[str, ...]:
    """Our add-ons that are installed by themselves: without the bridges."""
    return tuple(name for name in _possible() if not manifest(name).get("auto_install"))


def bridges() -> tuple[str, ...]:
    """Our add-ons that tie in others, and come when those are there."""
    return tuple(name for name in _possible() if manifest(name).get("auto_install"))


@cache
def _possible() -> tuple[str, ...]:
    """Our add-ons whose dependencies exist here; the others are named."""
    chosen = []
    for folder in sorted(path.parent for path in ADDONS.glob("*/__manifest__.py")):
        if lacking := _lacking(folder.name):
            warn(f"{folder.name} is left out: it needs {', '.join(sorted(lacking))}")
        elif manifest(folder.name).get("installable", True):
            chosen.append(folder.name)
    return tuple(chosen)


def manifest(name: str) -> dict:
    """The manifest of an add-on, {} if there is no such add-on."""
    for folder in folders():
        path = folder / name / "__manifest__.py"
        if path.is_file():
            return ast.literal_eval(path.read_text())
    return {}


def _lacking(name: str) -> set[str]:
    """Dependencies, direct and indirect, that are in none of the folders."""
    seen, waiting = set(), [name]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        waiting += manifest(current).get("depends", ["base"] if current != "base" else [])
    return {one for one in seen if not manifest(one)}


def library_modules() -> list[str]:
    """Everything ours depend on that is not ours: what the slow template database holds."""
    ours = set(installable())
    return sorted({name for one in ours for name in manifest(one).get("depends", [])} - ours)


def fingerprint(exact: bool = True) -> str:
    """A hash over what a running Odoo has of our add-ons.

    Not `exact`: only what an installation puts into the database. The bodies of Python functions do not
    count then, because changing them changes no table. That is what a developer's loop wants; a stored value
    computed by the old code is the price.
    """
    digest = hashlib.sha256()
    ignored = NOT_RUNNING if exact else NOT_INSTALLED
    for name in installable():
        for path in sorted((ADDONS / name).rglob("*")):
            if path.is_file() and not ignored & set(path.relative_to(ADDONS / name).parts):
                digest.update(str(path.relative_to(ADDONS)).encode())
                digest.update(path.read_bytes() if exact or path.suffix != ".py" else _shape(path))
    return digest.hexdigest()[:12]


def _shape(path: Path) -> bytes:
    """A Python file without the bodies of its functions."""
    source = path.read_bytes()
    if path.parent.parent == ADDONS:
        return source  # __init__.py with its hooks, and the manifest
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name not in SCHEMA_FUNCTIONS:
            node.body = [ast.Pass()]
    return ast.dump(tree).encode()
