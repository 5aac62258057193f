"""Which parts of the platform write an event and which read it, found in their code.

What a part uses is followed from its handler through names: a function of ours uses what its body names, and a module's
constants what stands in them. A method is used by whoever names its class. So a part may be said to write what it never
does in fact; it is never silent about what it does.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PACKAGES = {"breakwater": ROOT / "layers" / "breakwater", "functions": ROOT / "functions"}
_BESIDE = {"watch": "breakwater.runtime.watch"}  # A container that runs a module of the layer.
_WRITES_DOCUMENTS = "EnvelopeDocument"  # The engine's modules that name it write events without making their models.

type Symbol = tuple[str, str]  # Module and top-level name; the name is empty for what the module does by itself.


@dataclass
class Uses:
    """Names of classes of events."""

    made: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    topics_begin: set[str] = field(default_factory=set)  # With which topics that are read begin.
    symbols: set[Symbol] = field(default_factory=set)

    def add(self, other: "Uses") -> None:
        self.made |= other.made
        self.read |= other.read
        self.topics_begin |= other.topics_begin


@cache
def parts() -> dict[str, Uses]:
    """By the name of the function or container; `engine` is the engine."""
    code = _code()
    found = {}
    for app in sorted((ROOT / "functions").glob("*/app.py")):
        found[app.parent.name] = _reached(code, f"functions.{app.parent.name}.app")
    for name, module in _BESIDE.items():
        found[name] = _reached(code, module)
    found["engine"] = _of_engine()
    return found


def _reached(code: dict[Symbol, Uses], module: str) -> Uses:
    """Breadth first, from all that the module has."""
    total, seen = Uses(), set[Symbol]()
    waiting = [symbol for symbol in code if symbol[0] == module]
    while waiting:
        symbol = waiting.pop()
        if symbol in seen or symbol not in code:
            continue
        seen.add(symbol)
        total.add(code[symbol])
        waiting += [*code[symbol].symbols, (symbol[0], "")]
    return total


def _of_engine() -> Uses:
    total = Uses()
    for path in sorted((ROOT / "fargate_engine").rglob("*.py")):
        tree = ast.parse(path.read_text())
        imported = dict(_imports(tree))
        for each in _symbols(tree, "", imported).values():
            total.made |= each.made | (each.read if _WRITES_DOCUMENTS in imported else set())
    return total


def _code() -> dict[Symbol, Uses]:
    code: dict[Symbol, Uses] = {}
    for package, folder in _PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts_of_name = [package, *path.relative_to(folder).with_suffix("").parts]
            module = ".".join(part for part in parts_of_name if part != "__init__")
            tree = ast.parse(path.read_text())
            for name, uses in _symbols(tree, module, dict(_imports(tree))).items():
                code[(module, name)] = uses
    return code


def _symbols(tree: ast.Module, module: str, imported: dict[str, tuple[str, str]]) -> dict[str, Uses]:
    """What each top-level function, class and constant uses; under the empty name, what runs with the import."""
    found: dict[str, Uses] = defaultdict(Uses)
    own = {name for statement in tree.body for name in _names_of(statement)}
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        for name in _names_of(statement) or [""]:
            _look_at(statement, found[name], module, imported, own)
    return found


def _names_of(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name, decorator_list=[]) | ast.ClassDef(name=name):
            return [name]
        case ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.TypeAlias(name=ast.Name(id=name)):
            return [name]
    return []  # A decorator may hand a function on to whoever calls it: it belongs to its module.


def _look_at(
    statement: ast.stmt, uses: Uses, module: str, imported: dict[str, tuple[str, str]], own: Iterable[str]
) -> None:
    annotations = set(_annotations(statement))
    made = set(_called_or_handed_on(statement))
    for node in ast.walk(statement):
        match node:
            case ast.Call(func=ast.Attribute(attr="startswith"), args=[ast.Constant(value=str(prefix))]):
                uses.topics_begin |= {prefix} if prefix.endswith(".") else set()
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in imported:
                uses.symbols.add((".".join(imported[name]), attribute))  # A module's own.
        if not isinstance(node, ast.Name) or id(node) in annotations:
            continue
        if node.id in imported:
            where, name = imported[node.id]
            uses.symbols.add((where, name))
            if where.startswith("events."):
                (uses.made if id(node) in made else uses.read).add(name)
        elif node.id in own:
            uses.symbols.add((module, node.id))


def _called_or_handed_on(statement: ast.stmt) -> Iterator[int]:
    """`OrderPlaced(...)`, the class as an argument of whoever makes it, or one validated that came in no envelope."""
    for node in ast.walk(statement):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name() as name, attr="model_validate"), args=[validated]):
                if not (isinstance(validated, ast.Attribute) and validated.attr == "payload"):
                    yield id(name)
        if isinstance(node, ast.Call):
            for each in (node.func, *node.args, *(keyword.value for keyword in node.keywords)):
                if isinstance(each, ast.Name):
                    yield id(each)


def _annotations(statement: ast.stmt) -> Iterator[int]:
    for node in ast.walk(statement):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if annotation is not None:
                yield from (id(each) for each in ast.walk(annotation))


def _imports(tree: ast.Module) -> Iterator[tuple[str, tuple[str, str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for each in node.names:
                yield each.asname or each.name, (node.module, each.name)
