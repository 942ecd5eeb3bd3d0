"""The floors of the package: nobody imports from above, and nothing runs in circles."""

import ast
import runpy
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import seal_sk

HOME = Path(seal_sk.__file__).parent
ROOT = Path(__file__).parents[1]
LAYOUT = runpy.run_path(str(ROOT / "docs" / "contributing" / "layout.py"))
FLOOR = dict(LAYOUT["rooms"]())
MODULES = sorted([*HOME.rglob("*.py"), *HOME.rglob("*.pyi")])


def parts_of(path, home=HOME):
    """("pan", "training", "steps") for seal_sk/pan/training/steps.py."""
    return path.relative_to(home).with_suffix("").parts


def imported(path, home=HOME):
    """(line, parts of the module or name) of every import of the package's own."""
    inside = parts_of(path, home)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module.split(".") if node.module else []
            if node.level:
                module = ["seal_sk", *inside[: len(inside) - node.level], *module]
            targets = [[*module, alias.name] for alias in node.names]
        else:
            continue
        for package, *target in targets:
            if package == "seal_sk" and target:
                yield node.lineno, tuple(target)


def from_above(path, home=HOME):
    """What a module imports that does not stand below it."""
    room = parts_of(path, home)[0]
    for line, target in imported(path, home):
        other = target[0] if target[0] in FLOOR else "__init__"
        ground = FLOOR[room] == FLOOR[other] == 0
        if other != room and not ground and FLOOR[other] >= FLOOR[room]:
            yield f"{path}:{line}: {room} imports {other}"


def graph(home=HOME):
    """The modules that each module imports."""
    names = {parts_of(path, home) for path in home.rglob("*.py")}
    found = {}
    for path in home.rglob("*.py"):
        inside = parts_of(path, home)
        found[inside] = set()
        for _, target in imported(path, home):
            # A module, or a name in one; packages stand for their __init__.
            for candidate in (target, target[:-1]):
                for module in (candidate, (*candidate, "__init__")):
                    if module in names and module != inside:
                        found[inside].add(module)
                        break
                else:
                    continue
                break
    return found


def test_every_room_is_on_one_floor():
    there = {parts_of(path)[0] for path in MODULES}
    there |= {path.stem for path in (ROOT / "seal_sk").glob("*.pyx")}
    listed = [name for name, _ in LAYOUT["rooms"]()]
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(parts_of(path)))
def test_no_import_from_above(path):
    assert list(from_above(path)) == []


@pytest.mark.slow
def test_no_circle():
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join("/".join(module) for module in error.args[1]))


@pytest.mark.parametrize(
    "code",
    [
        "from ..pan import loss",
        "from .. import pan",
        "import seal_sk.pan.loss",
        "from seal_sk import pan",
        "def late():\n    from ..pan.loss import bce_loss",
        "from .. import SEALSuperpixels",
    ],
)
def test_an_import_from_above_is_found(tmp_path, code):
    path = tmp_path / "affinity" / "new.py"
    path.parent.mkdir()
    path.write_text(code)
    assert len(list(from_above(path, tmp_path))) == 1


def test_a_neighbour_is_no_floor_below(tmp_path):
    path = tmp_path / "metrics" / "new.py"
    path.parent.mkdir()
    path.write_text("from ..segmentation import ers\nfrom ..labels import paint\n")
    assert len(list(from_above(path, tmp_path))) == 1


def test_a_circle_is_found(tmp_path):
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        path = tmp_path / "pan" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"from .{other} import x\n")
    with pytest.raises(CycleError):
        TopologicalSorter(graph(tmp_path)).prepare()


def test_the_picture_and_the_table_are_those_of_the_list():
    picture = ROOT / "docs" / "contributing" / "layout.svg"
    assert picture.read_text(encoding="utf-8") == LAYOUT["picture"]()
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert LAYOUT["table"]() in page
