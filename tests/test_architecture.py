"""The drawing of the house in the documentation is the one that import-linter checks."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOUSE = re.compile(r"## The house.*?```\n(.*?)```", re.DOTALL)


def test_the_drawing_has_all_modules_once_on_the_floors_that_are_checked():
    drawing = HOUSE.search((ROOT / "docs/architecture.md").read_text())
    assert drawing is not None
    floors: list[set[str]] = []
    names: list[str] = []
    for line in drawing[1].splitlines():
        found = re.match(r"(· )?(\w+)/? ", line)
        if found is None:
            continue  # it goes on with the line above
        names.append(found[2])
        if found[1]:
            floors[-1].add(found[2])
        else:
            floors.append({found[2]})
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    house = next(one for one in settings["contracts"] if one["id"] == "house")
    assert floors == [set(layer.split(" | ")) for layer in house["layers"]]
    assert len(names) == len(set(names))


def test_all_but_notebook_and_cli_are_kept_from_knowing_jupyter():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    house, edges = (
        next(one for one in settings["contracts"] if one["id"] == name)
        for name in ("house", "edges")
    )
    modules = {f"emitnb.{name}" for layer in house["layers"] for name in layer.split(" | ")}
    assert set(edges["source_modules"]) == modules - {
        "emitnb.__main__",
        "emitnb.notebook",
        "emitnb.cli",
    }
