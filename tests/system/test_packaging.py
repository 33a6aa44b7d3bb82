"""What is installed: the native build, the declared dependencies, the pinned versions."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import suimon
from suimon.kernels.cpu.native import why_missing

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIRED = [Requirement(line) for line in PROJECT["dependencies"]]
OPTIONAL = [
    Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines
]


def pinned() -> dict[str, str]:
    """Canonical name to version, from constraints.txt."""
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pins.items()}


def test_the_native_kernels_are_built_where_a_compiler_is():
    compilers = [os.environ.get("CXX", ""), "c++", "g++", "clang++"]
    if not any(name and shutil.which(name) for name in compilers):
        pytest.skip("no C++ compiler here")
    assert why_missing() is None


def test_one_version_everywhere():
    assert suimon.__version__ == PROJECT["version"] == importlib.metadata.version("suimon")


def test_constraints_pin_every_dependency_to_a_version_that_it_accepts():
    pins = pinned()
    for requirement in [*REQUIRED, *OPTIONAL]:
        name = canonicalize_name(requirement.name)
        if name == "suimon":
            continue
        assert name in pins, f"{name} is missing in constraints.txt"
        assert requirement.specifier.contains(pins[name]), f"{requirement} excludes {pins[name]}"


def test_every_package_that_is_imported_is_declared():
    own_name_of = importlib.metadata.packages_distributions()
    declared = {canonicalize_name(requirement.name) for requirement in [*REQUIRED, *OPTIONAL]}
    undeclared = set()
    for path in (REPOSITORY / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for top in {name.split(".")[0] for name in names} - {"suimon"}:
                known = {canonicalize_name(name) for name in own_name_of.get(top, [top])}
                if top not in sys.stdlib_module_names and not known & declared:
                    undeclared.add(f"{path.name} imports {top}")
    assert undeclared == set()


def test_the_native_sources_know_neither_python_nor_torch():
    sources = sorted((REPOSITORY / "src/suimon/kernels/cpu/src").iterdir())
    assert len(sources) > 5
    for path in sources:
        included = re.findall(r"#include\s*[<\"]([^>\"]+)", path.read_text(encoding="utf-8"))
        for header in included:
            assert not re.match(r"Python|nanobind|torch|ATen|c10", header), f"{path}: {header}"


def test_without_a_compiler_a_working_wheel_is_built_all_the_same(tmp_path):
    if shutil.which("cmake") is None:
        pytest.skip("no cmake here; pip would fetch one")
    build = (
        "import sys, scikit_build_core.build as build\n"
        "build.build_wheel(sys.argv[1], {'build-dir': sys.argv[2]})"
    )
    done = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path), str(tmp_path / "build")],
        cwd=REPOSITORY,
        env={**os.environ, "CC": "/bin/false", "CXX": "/bin/false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"suimon-{PROJECT['version']}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert "suimon/kernels/cpu/native.py" in names
    assert not [name for name in names if name.endswith((".cpp", ".h", ".so"))]
    assert any(name.endswith("licenses/LICENSE") for name in names)
