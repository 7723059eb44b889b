"""The house stands as drawn: floors, sizes, requirements, and nothing that it should not hold."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import mygpt_helpers

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mygpt_helpers"
MODULES = sorted(PACKAGE.rglob("*.py"))
CODE = sorted(
    path
    for folder in ("mygpt_helpers", "tests", "tools", "bench", "classroom")
    for path in (ROOT / folder).rglob("*.py")
)

# Ground floor first. A module imports only from floors below it. A folder is one floor; inside it,
# too, nothing goes in a circle.
FLOORS = [
    ["errors", "files", "console"],
    ["lab_settings"],
    ["checks"],
    ["prompts"],
    ["gpt"],
    ["corpus", "texts", "byte_pairs", "tokenizing"],
    ["sampling", "models"],
    ["walks"],
    ["readers", "run_checks", "lens"],
    ["record", "held_out", "processes"],
    ["undo", "meter"],
    ["generation", "clinic"],
    ["search"],
    ["continuations"],
    ["watch", "checkpoints"],
    ["training"],
    ["runs"],
    ["commands"],
    ["learn", "write"],
    ["cycle_runs", "text_runs"],
    ["pretrained"],
    ["pictures"],
    ["widgets"],
    ["exercises"],
    ["working_copies"],
    ["__main__"],
]
FLOOR_OF = {name: number for number, names in enumerate(FLOORS) for name in names}


def name_of(path):
    """Return the dotted name: mygpt_helpers.widgets.steps."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def floor_name(module):
    """Return the part of a dotted name that FLOORS lists: widgets."""
    return [*module.split("."), ""][1]


def imports(source, module, is_package=False):
    """Return the absolute names of all modules that a module's source imports, wherever it does."""
    found = set()
    parents = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) - node.level + 1] if node.level else []
            base = ".".join([*base, *filter(None, [node.module])])
            found.add(base)
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def steps_up(source, module, is_package=False):
    """Return the imports of a module that do not go to a floor below it."""
    name = floor_name(module)
    mine = FLOOR_OF.get(name, -1)
    wrong = set()
    for other in imports(source, module, is_package):
        target = floor_name(other) if other.startswith("mygpt_helpers.") else None
        if target in FLOOR_OF and FLOOR_OF[target] >= mine and target not in FLOORS[mine]:
            wrong.add(other)
        if target is not None and target not in FLOOR_OF and (PACKAGE / f"{target}.py").exists():
            wrong.add(f"{other} (on no floor)")
    return wrong


# ---- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", mygpt_helpers.__all__)
def test_a_public_name_imports(name):
    value = getattr(mygpt_helpers, name)
    assert callable(value)
    assert value is getattr(mygpt_helpers, name)
    assert name in dir(mygpt_helpers)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'softmax_please'"):
        mygpt_helpers.softmax_please  # noqa: B018
    with pytest.raises(ImportError, match="softmax_please"):
        from mygpt_helpers import softmax_please  # noqa: F401


def fresh_python(code):
    """Run code in a new process and return what it prints, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_importing_the_package_loads_nothing_heavy():
    loaded = fresh_python("import mygpt_helpers, sys, json; print(json.dumps([*sys.modules]))")
    heavy = {"torch", "transformers", "matplotlib", "numpy", "rich", "IPython", "anywidget"}
    heavy |= {"unearth", "httpx2", "platformdirs", "filelock"}
    assert not heavy & set(loaded)


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("visible", ["torch", "transformers", "matplotlib"]),
        ("check", ["torch", "transformers", "matplotlib"]),
        ("lesson_checkpoint", ["torch", "transformers", "matplotlib", "gguf"]),
        ("lesson_text", ["torch", "transformers", "matplotlib", "unearth", "httpx2"]),
        ("read_text", ["transformers", "matplotlib", "unearth"]),
        ("next_token_probs", ["transformers", "matplotlib"]),
        ("show_curves", ["transformers", "matplotlib.pyplot"]),
        ("DistributionWidget", ["transformers", "matplotlib.pyplot"]),
    ],
)
def test_a_name_loads_only_what_it_needs(name, absent):
    code = f"from mygpt_helpers import {name}; import sys, json; print(json.dumps([*sys.modules]))"
    assert not set(absent) & set(fresh_python(code))


# ---- the house ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_from_floors_below(path):
    module = name_of(path)
    if path == PACKAGE / "__init__.py":
        assert not {n for n in imports(path.read_text("utf-8"), module) if "mygpt" in n}
        return
    assert floor_name(module) in FLOOR_OF, "a new module: give it a floor in FLOORS"
    assert not steps_up(path.read_text("utf-8"), module, path.name == "__init__.py")


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from .pictures.tables import table", "mygpt_helpers.sampling"),
        ("from mygpt_helpers.pictures.tables import table", "mygpt_helpers.sampling"),
        ("def f():\n    import mygpt_helpers.pictures.tables", "mygpt_helpers.sampling"),
        ("from . import pictures", "mygpt_helpers.sampling"),
        ("from ..exercises.core import check", "mygpt_helpers.widgets.distribution"),
        ("from .. import exercises", "mygpt_helpers.widgets.distribution"),
        ("from mygpt_helpers.__main__ import main", "mygpt_helpers.exercises.core"),
    ],
)
def test_a_step_up_is_noticed(source, module):
    assert steps_up(source, module)


def test_a_step_down_is_fine():
    assert not steps_up("from ..sampling import draw\nimport torch", "mygpt_helpers.widgets.steps")
    assert not steps_up("from .inputs import a", "mygpt_helpers.widgets.steps")
    assert not steps_up("from .core import check", "mygpt_helpers.exercises", is_package=True)


def import_graph():
    """Return which of the package's modules each of them imports: {name: names}."""
    names = {name_of(path) for path in MODULES} - {"mygpt_helpers"}
    return {
        name_of(path): names
        & imports(path.read_text("utf-8"), name_of(path), path.stem == "__init__")
        for path in MODULES
    }


def test_no_modules_import_each_other():
    TopologicalSorter(import_graph()).prepare()  # raises CycleError for a circle


def test_a_circle_is_noticed():
    graph = import_graph()
    graph["mygpt_helpers.checks"] = {"mygpt_helpers.sampling"}
    with pytest.raises(CycleError):
        TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_can_be_read_in_one_sitting(path):
    assert len(path.read_text("utf-8").splitlines()) <= 300


def public_functions(path):
    """Return the public functions and methods of a module, as syntax trees."""
    tree = ast.parse(path.read_text("utf-8"))
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and not n.name.startswith("_")]
    nodes = [node for owner in [tree, *classes] for node in owner.body]
    return [n for n in nodes if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_everything_public_is_typed_and_described(path):
    module = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(module), "a module says what it is for"
    wrong = []
    for function in public_functions(path):
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        named = [a for a in named if a.arg not in ("self", "cls")]
        in_an_exercise = path.name.startswith("lesson_")  # a learner's code, shown as it is
        if not in_an_exercise and (
            not ast.get_docstring(function)
            or function.returns is None
            or any(a.annotation is None for a in named)
        ):
            wrong.append(f"{function.name}, line {function.lineno}")
    assert not wrong


@pytest.mark.parametrize("name", mygpt_helpers.__all__)
def test_a_public_docstring_says_more_than_the_name(name):
    assert len(inspect.getdoc(getattr(mygpt_helpers, name)) or "") > 40


# ---- requirements ------------------------------------------------------------------------------


def requirements(name="requirements.txt"):
    """Return the requirement lines, without comments."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def test_every_requirement_is_pinned():
    lines = requirements() + requirements("classroom/requirements.txt")
    assert "-e ." in lines, "the course's own package"
    pinned = [line for line in lines if line != "-e ."]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", line) for line in pinned)
    names = [canonical(line.split("==")[0]) for line in pinned]
    assert len(names) == len(set(names))
    assert "torch==2.13.0" in pinned


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_conda_file_takes_its_packages_from_the_requirements():
    lines = (ROOT / "environment.yml").read_text("utf-8").splitlines()
    items = [line.strip()[2:] for line in lines if line.strip().startswith("- ")]
    items = items[items.index("conda-forge") + 1 :]
    python = [item for item in items if item.startswith("python")]
    # Everything else would be a second place where a version is written.
    assert [item for item in items if item not in python] == ["pip", "pip:", "-r requirements.txt"]
    assert len(python) == 1
    version = tuple(map(int, re.findall(r"\d+", python[0])))
    assert version >= (3, 11)
    wanted = re.search(r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert version >= (3, int(wanted[1])) >= (3, 11)


def test_python_is_new_enough_is_asked_for_the_same_way_everywhere():
    assert "sys.version_info < (3, 11)" in (ROOT / "Makefile").read_text("utf-8")


# Modules of our own that are not in a package, and what a package brings along on purpose.
OWN = {"mygpt_helpers", "tests", "tools", "bench", "conftest"}
OWN |= {path.stem for path in (ROOT / "tests").rglob("*.py")}
BROUGHT = {"jupyter_client": "nbclient", "traitlets": "ipywidgets", "comm": "ipywidgets"}
BROUGHT |= {"jupyterlab_server": "jupyterlab", "httpx2": "unearth", "yaml": "jupyterlab"}
BROUGHT |= {"jupyter_server": "jupyterlab"}


def test_every_import_is_in_the_requirements():
    course = {canonical(line.split("==")[0]) for line in requirements()}
    class_ = requirements("classroom/requirements.txt")  # no learner at home has these
    class_ = {canonical(line.split("==")[0]) for line in class_}
    known = packages_distributions()
    missing = {}
    for path in CODE:
        wanted = course | class_ if "classroom" in path.as_posix() else course
        is_package = path.name == "__init__.py"
        for module in imports(path.read_text("utf-8"), name_of(path), is_package):
            top = module.split(".")[0]
            if not top or top in sys.stdlib_module_names or top in OWN:
                continue
            homes = {canonical(name) for name in known.get(top, [top])} | {BROUGHT.get(top, top)}
            if not homes & wanted:
                missing.setdefault(top, path.relative_to(ROOT).as_posix())
    assert not missing


def test_every_requirement_has_a_use():
    # Those that no code of ours imports, and what they are there for.
    by_name = {"jupyterlab", "ipykernel", "ipython", "ruff", "pytest-xdist"}  # started
    by_name |= {"gguf", "accelerate"}  # transformers imports them to read GGUF
    used = set()
    known = packages_distributions()
    for path in CODE:
        # By the text, not the syntax tree: some code is handed to a fresh Python as a string.
        for top in re.findall(r"^\s*(?:import|from) (\w+)", path.read_text("utf-8"), re.MULTILINE):
            used |= {canonical(name) for name in known.get(top, [top])}
    wanted = {canonical(line.split("==")[0]) for line in requirements() if "==" in line}
    idle = wanted - used - by_name
    assert not idle


# ---- what must not be there --------------------------------------------------------------------

TEXTS = sorted(
    path
    for path in ROOT.rglob("*")
    if path.is_file()
    and path.suffix in {".py", ".md", ".txt", ".yml", ".toml", ".js", ".css", ".ipynb", ".cfg", ""}
    and not {".git", ".venv", "my", ".hypothesis", ".pytest_cache", ".ruff_cache", "__pycache__"}
    & set(path.relative_to(ROOT).parts)
)
REGISTRIES = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"))]
REGISTRIES += [".".join(["conda", "anaconda", "org"]), ".".join(["registry", "npmjs", "org"])]


def registries_in(text):
    return [host for host in REGISTRIES if host in text]


def test_no_package_registry_is_named():
    # A learner's own mirror and proxy serve; a host in a file would go past them.
    assert len(TEXTS) > 30
    named = {path: registries_in(path.read_text("utf-8", "replace")) for path in TEXTS}
    assert not {path: hosts for path, hosts in named.items() if hosts}
    assert registries_in("see https://" + REGISTRIES[0] + "/simple")


def dangers(source):
    """Return what in a source would run code that came with data."""
    found = []
    for node in ast.walk(ast.parse(source)):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        unsafe = {"pickle", "dill", "joblib", "marshal", "shelve", "cloudpickle"}
        found += [f"import {m}" for m in modules if m.split(".")[0] in unsafe]
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            settings = {k.arg: ast.unparse(k.value) for k in node.keywords if k.arg}
            if called == "torch.load" and settings.get("weights_only") != "True":
                found.append("torch.load without weights_only=True")
            if called.endswith("np.load") and settings.get("allow_pickle", "False") != "False":
                found.append("np.load with allow_pickle")
            if settings.get("trust_remote_code", "False") != "False":
                found.append("trust_remote_code")
            if called in ("eval", "exec"):
                found.append(called)
    return found


def notebook_code():
    """Return the code of all notebooks, cell by cell, without the cells that hold magics."""
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and not re.search(r"^\s*[%!]", source, re.MULTILINE):
                yield path.name, source


def test_nothing_that_came_with_data_is_run():
    found = {name_of(path): dangers(path.read_text("utf-8")) for path in MODULES}
    for name, source in notebook_code():
        found[name] = found.get(name, []) + dangers(source)
    assert not {name: what for name, what in found.items() if what}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def f():\n    from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "AutoModel.from_pretrained(x, trust_remote_code=True)",
        "np.load(path, allow_pickle=True)",
        "eval('1')",
    ],
)
def test_a_danger_is_noticed(source):
    assert dangers(source)


def test_what_is_safe_is_left_alone():
    assert not dangers("torch.load(path, weights_only=True)\nmodel.eval()\nimport json")


# ---- commands ----------------------------------------------------------------------------------


def make_targets():
    return set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def commands_in(text):
    """Return the `make X` and `python -m X` that a text names, as (program, X)."""
    made = re.findall(r"(?:^|[`\s])(make|python3? -m) ([a-z][\w.]*)(?=[\s`,.;:)]|$)", text, re.M)
    return {("make" if program == "make" else "python", name.strip(".")) for program, name in made}


def test_the_targets_are_there():
    assert make_targets() >= {"lab", "test", "refresh", "bench", "lint"}


def code_in(text):
    """Return the parts of a Markdown text that are code: indented, fenced, or between backticks."""
    fenced = re.findall(r"^```.*?^```", text, re.M | re.S)
    return "\n".join(
        [*re.findall(r"^(?: {4}|\t)(.*)$", text, re.M), *fenced, *re.findall(r"`[^`\n]+`", text)]
    )


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/classroom.md"])
def test_the_commands_that_are_named_exist(name):
    named = commands_in(code_in((ROOT / name).read_text("utf-8")))
    assert named
    for program, what in named:
        if program == "make":
            assert what in make_targets(), f"make {what}"
        else:
            assert importlib.util.find_spec(what), f"python -m {what}"


def test_the_readme_names_the_two_commands():
    named = commands_in(code_in((ROOT / "README.md").read_text("utf-8")))
    assert {("make", "lab"), ("make", "test")} <= named


def test_a_command_that_does_not_exist_would_be_seen():
    assert commands_in("    make lab\n`make test PYTHON=x` or `python -m tools.refresh a`") == {
        ("make", "lab"),
        ("make", "test"),
        ("python", "tools.refresh"),
    }
    assert "nothing" not in make_targets()


def test_the_package_that_is_installed_holds_every_folder():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    named = set(re.findall(r'"(mygpt_helpers[\w.]*)"', text.split("packages = [")[1].split("]")[0]))
    assert named == {name_of(path) for path in MODULES if path.name == "__init__.py"}
    data = set(re.findall(r'"\*(\.\w+)"', text))
    assert {p.suffix for p in PACKAGE.rglob("*") if p.suffix in {".js", ".css", ".html"}} <= data
