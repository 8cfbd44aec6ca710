"""Every module stands under an import contract: no package is outside the layers, no stage outside its own."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def layers(top: str) -> set[str]:
    """Packages named by the contract about the layers of `top`, with those beside one another taken apart."""
    named = [layer for contract in CONTRACTS for layer in contract.get("layers", ())]
    return {one.strip().strip("()") for layer in named for one in layer.split("|") if one.strip().startswith(f"{top}.")}


def modules(folder: Path) -> set[str]:
    """Modules and packages of a folder."""
    return {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}


def packages(top: str) -> set[str]:
    return {f"{top}.{path.parent.name}" for path in (ROOT / top).glob("*/__init__.py")}


def test_every_package_of_the_library_has_its_layer():
    shared = {"mlcore.weights"}  # data alone
    assert packages("mlcore") - layers("mlcore") == shared


def test_every_stage_has_its_layer():
    assert packages("annotation") == {one for one in layers("annotation") if one.count(".") == 1}


def test_every_stage_with_entry_points_is_a_container_of_the_layers_inside_a_stage():
    containers = {one for contract in CONTRACTS for one in contract.get("containers", ())}
    layered = {stage for stage in packages("annotation") if (ROOT / stage.replace(".", "/") / "services").is_dir()}
    assert layered - containers == {"annotation.common"}  # it has layers of its own


def test_every_module_of_the_common_ground_stands_in_its_layers():
    known = {one.removeprefix("annotation.common.") for one in layers("annotation.common")}
    assert modules(ROOT / "annotation" / "common") - known == {"__init__", "apps", "migrations"}


def test_every_module_of_a_stage_stands_in_a_layer():
    """A module beside the layers of its stage, such as the reads of one page, has a layer of its own there."""
    (inside,) = (contract for contract in CONTRACTS if "containers" in contract)
    known = {one.strip().strip("()") for layer in inside["layers"] for one in layer.split("|")}
    strangers = {}
    for container in inside["containers"]:
        folder = ROOT / container.replace(".", "/")
        strangers[container] = modules(folder) - known - {"__init__", "apps", "errors", "migrations", "former"}
    assert {name: found for name, found in strangers.items() if found} == {}
