"""HISTORIAN_DIR is read at import.  If it is set later, a warning says that it is ignored."""

import os
import subprocess
import sys
from pathlib import Path

import historian


def run(program, **env):
    env = {key: value for key, value in {**os.environ, **env}.items() if value is not None}
    env["PYTHONPATH"] = os.pathsep.join([str(Path(historian.__file__).parents[1]), *sys.path])
    found = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout, found.stderr


LATE = """
import os, sys, warnings
import historian
if len({where!r}): os.environ["HISTORIAN_DIR"] = {where!r}
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    {use}
    {use}
for one in said:
    print(one.category.__name__, os.path.basename(one.filename), one.message)
"""
USES = ["historian.recorder('q')", "historian.default_registry.snapshot()", "historian.default_registry.clear()"]


def test_set_after_the_import(tmp_path):
    for use in USES:
        said, _ = run(LATE.format(where=str(tmp_path), use=use), HISTORIAN_DIR=None)
        assert said == (
            f"RegistryWarning <string> HISTORIAN_DIR was set to {str(tmp_path)!r} after historian was imported, and is "
            "ignored: the default registry counts in memory; set it before the import, or use "
            "historian.Registry(directory)\n"
        )


def test_changed_after_the_import(tmp_path):
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    said, _ = run(LATE.format(where=second, use=USES[0]), HISTORIAN_DIR=first)
    assert f"HISTORIAN_DIR was set to {second!r} after" in said
    assert f"counts in {first};" in said
    assert os.listdir(tmp_path) == ["first"]


def test_no_warning_without_need(tmp_path):
    where = str(tmp_path / "there")
    for before, after in [(where, where), (where, ""), (None, "")]:
        for use in USES:
            assert run(LATE.format(where=after, use=use), HISTORIAN_DIR=before) == ("", "")
    assert run(LATE.format(where=where, use=USES[0]), HISTORIAN_DIR=None, HISTORIAN_DISABLE="1") == ("", "")


def test_a_registry_of_its_own_does_not_warn(tmp_path):
    use = "historian.Registry().recorder('q'), historian.Registry().snapshot()"
    assert run(LATE.format(where=str(tmp_path), use=use), HISTORIAN_DIR=None) == ("", "")


def test_switched_off_with_a_directory(tmp_path):
    where = str(tmp_path / "there")
    program = """
import historian
historian.recorder("q").record(1.0)
registry = historian.default_registry
print(registry.snapshot(), registry.problems(), historian.recorder("q").snapshot().count)
registry.clear()
"""
    assert run(program, HISTORIAN_DIR=where, HISTORIAN_DISABLE="1") == ("{} {} 0\n", "")
    assert not os.path.exists(where)


def test_a_family_is_the_first_that_is_used(tmp_path):
    where = str(tmp_path / "there")
    program = """
import historian
historian.default_registry.family("q", labels=("a",))["x"].record(1.0)
print(historian.default_registry.snapshot().total().count)
"""
    assert run(program, HISTORIAN_DIR=where) == ("1\n", "")
