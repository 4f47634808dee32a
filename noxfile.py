"""What is checked, under the names that people type: ``nox -s lint``; ``nox -l`` lists them all."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
nox.options.sessions = ["lint", "typing", "tests"]
nox.options.default_venv_backend = "virtualenv"

FOUND = dict(
    line.split(maxsplit=1)
    for line in subprocess.check_output([sys.executable, ROOT / ".ci" / "pythons"], text=True).splitlines()
)
# nox takes what it meets first on PATH, which may be a version manager's shim for a Python that is not active.
os.environ["PATH"] = os.pathsep.join([*(os.path.dirname(path) for path in FOUND.values()), os.environ["PATH"]])

#: Those without the GIL. For many a package there is no wheel that they can install.
FREE_THREADED = [version for version in FOUND if version.endswith("t")]

NATIVE = ROOT / "historian" / "_native"
C_FILES = sorted(str(path) for folder in (NATIVE, ROOT / "tests" / "_native") for path in folder.glob("*.[ch]"))
#: Headers that are included by others only: parts of these, or for other processors.
PARTS = ("bulk_256.h", "bulk_neon.h", "bulk_wide.h", "packed_avx2.h")
#: Each release of clang-format has a mind of its own, and each of clang-tidy finds something else.
CLANG_FORMAT = "clang-format==19.*"
CLANG_TIDY = "clang-tidy==19.*"
#: Runs of libFuzzer that take about half a minute.
HEADER_RUNS = 500_000
BUILD_TOOLS = nox.project.load_toml(ROOT / "pyproject.toml")["build-system"]["requires"]

#: Tests that run under the sanitizers: those of the compiled core and of what calls it.
CORE_TESTS = (
    "_native", "_values", "_live", "_files", "meters/test_calls.py", "formats/test_bytes.py", "formats/test_hdr.py",
    "test_buckets.py", "test_disable.py", "test_histogram.py", "test_registry.py", "fuzz",
)  # fmt: skip

#: Tests whose result does not depend on the Python.
ONCE = [
    f"tests/{line}"
    for line in (ROOT / ".ci" / "once").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]

#: Tests among these that a sanitizer makes fail, and why.  Fuzzers have a session of their own, `fuzz_sanitized`.
NOT_SANITIZED = {
    "address,undefined": (
        "_files/test_system_calls.py::test_no_system_call_to_record",  # its allocator calls mmap
        "_native/test_grouped.py::test_no_memory",  # its allocator ends the process
    ),
    "thread": (
        "_files/test_system_calls.py::test_no_system_call_to_record",  # likewise
        "_native/test_grouped.py::test_no_memory",  # likewise
        "_live/test_timed_depth.py",  # its frames are several times as large: the stack ends before RecursionError
    ),
}

#: Tests among these that fail on an emulated ARM, where C is still compiled for this processor, and why.
NOT_EMULATED = (
    "_live/test_frameworks.py",  # not all of them are installed there
    "_files/test_failures.py::test_a_process_is_stopped_while_it_holds_a_lock",  # loads C into the process
    "_files/test_failures.py::test_each_system_call_fails_in_turn",  # likewise
    "_files/test_mutations.py::test_mutated_files",  # the emulator ends at a bus error
    "_files/test_processes.py::test_a_child_does_not_keep_the_lane_of_a_parent_that_ends",  # MADV_DONTFORK is ignored
    "_files/test_refusals.py::test_space_is_reserved_even_if_signals_interrupt",  # loads C into the process
    "_files/test_space.py::test_a_process_that_may_have_few_addresses",  # the emulator's own addresses count, too
    "_files/test_space.py::test_a_sparse_copy",  # the emulator ends at a bus error
    "_native/test_file_drill.py::test_drill[drill_remove.c-thread-0]",  # a program for this processor
    "_native/test_grouped.py::test_no_memory",  # the emulator's own addresses count, too
    "_native/test_scan.py::test_drill",  # a program for this processor; the session runs it for ARM
)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style: ruff, its formatter, cython-lint, clang-format, a schema of workflows."""
    session.install("ruff>=0.11", "check-jsonschema>=0.29", "cython-lint>=0.16", CLANG_FORMAT)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("cython-lint", "historian")
    session.run("clang-format", "--dry-run", "-Werror", *C_FILES)
    workflows = [str(path) for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))]
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)


@nox.session
def typing(session: nox.Session) -> None:
    """Check types: mypy on the sources, what checkers say of uses, stubtest and completeness as it is installed."""
    session.install("hypothesis>=6.100", "mypy>=1.15", "pyright[nodejs]>=1.1.400", "pytest>=9")
    session.install(".[all,arrow,dask,duckdb,polars,ray,spark]")  # stubtest imports each module
    session.run("mypy", "--strict", "historian/")
    session.run("pytest", "tests/test_typing.py")
    session.chdir(session.create_tmp())  # or the package would be that of the source tree, not what is installed
    options = ["--mypy-config-file", ROOT / "pyproject.toml", "--allowlist", ROOT / ".ci" / "stubtest-allowlist.txt"]
    session.run("python", "-m", "mypy.stubtest", "historian", *options)
    session.run("pyright", "--verifytypes", "historian", "--ignoreexternal")


@nox.session
def native(session: nox.Session) -> None:
    """Check the C headers: warnings of the compilers found here, clang's analyzer, clang-tidy."""
    session.install(CLANG_TIDY)
    python_include = session.run("python", "-c", "import sysconfig; print(sysconfig.get_path('include'))", silent=True)
    include = ["-I", str(NATIVE), "-isystem", str(python_include).strip()]
    # Each sees some of the functions only.
    strict = ["-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-Wno-unused-function", *include]
    headers = [path.name for path in sorted(NATIVE.glob("*.h")) if path.name not in PARTS]
    source = Path(session.create_tmp()) / "headers.c"
    source.write_text("".join(f'#include "{name}"\n' for name in ["Python.h", *headers]), encoding="utf-8")
    for compiler, cplusplus in (("gcc", "g++"), ("clang", "clang++")):
        if not shutil.which(compiler) or not shutil.which(cplusplus):
            session.warn(f"skipped the warnings of {compiler}, because it was not found here")
            continue
        session.run(compiler, "-std=gnu11", *strict, "-c", str(source), "-o", os.devnull, external=True)
        for name in headers:  # each includes what it needs
            session.run(
                compiler, "-std=gnu99", *strict, "-include", name, "-xc", "-fsyntax-only", os.devnull, external=True
            )
        # What Cython makes of users' modules may be C++.
        options = ["-std=c++11", *strict, "-include", "counters.h", "-xc++", "-fsyntax-only"]
        session.run(cplusplus, *options, os.devnull, external=True)
    if shutil.which("clang"):
        analyze = ["--analyze", "-Xanalyzer", "-analyzer-werror", "-Xanalyzer", "-analyzer-output=text"]
        session.run("clang", *analyze, *include, str(source), external=True)
    sources = [str(source), str(ROOT / "tests" / "_native" / "fuzz_blob.c")]
    session.run(
        "clang-tidy", "--quiet", f"--config-file={ROOT / '.clang-tidy'}", *sources, "--", "-std=gnu11", *include
    )


@nox.session(python=[version for version in FOUND if version not in FREE_THREADED])
def tests(session: nox.Session) -> None:
    """Build, install and test, on each Python found."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session(python=[version for version in FOUND if version not in FREE_THREADED])
def core(session: nox.Session) -> None:
    """Build and install, on each Python found, and run the tests of the core, and of its callers, that depend on it."""
    session.install(".[test]")
    paths = [f"tests/{name}" for name in CORE_TESTS if f"tests/{name}" not in ONCE]
    session.run("pytest", *paths, *(f"--deselect={name}" for name in ONCE), *session.posargs)


@nox.session(name="free-threaded", python=FREE_THREADED or None)
def free_threaded(session: nox.Session) -> None:
    """Run all tests without the GIL: on each Python that has none, or, if none is found, as if this one had none."""
    if session.python is None:
        run_forced(session, "")
        return
    needed = ("hypothesis", "mpmath", "numpy", "pytest", "sybil")
    session.install("--only-binary=:all:", *needed)
    session.install("--prefer-binary", ".")
    extras = nox.project.load_toml(ROOT / "pyproject.toml")["project"]["optional-dependencies"]
    for requirement in extras["test"] + extras["all"]:  # the tests of what has no wheel here are skipped, and say so
        if not requirement.startswith("latency-historian"):
            session.install("--only-binary=:all:", requirement, success_codes=range(256), silent=True)
    session.run("python", "-m", "pytest", *session.posargs, env={"PYTHON_GIL": "0"})  # whatever other modules ask for


@nox.session(name="forced-free-threaded")
def forced_free_threaded(session: nox.Session) -> None:
    """Build the core as if there were no GIL, on a Python that has one, and run its tests; readers need no fuzzing."""
    run_forced(session, *(name for name in CORE_TESTS if name != "fuzz"))


def run_forced(session: nox.Session, *names: str) -> None:
    """Run tests against a core that relies on no GIL."""
    session.install(".[test]", env={"HISTORIAN_FREE_THREADED": "1"})
    session.chdir(session.create_tmp())  # or the package would be that of the source tree
    paths = [str(ROOT / "tests" / name) for name in names]
    command = ["python", "-m", "pytest", "-p", "no:cacheprovider", f"--config-file={ROOT / 'pyproject.toml'}"]
    session.run(*command, *paths, *session.posargs)


@nox.session
def engines(session: nox.Session) -> None:
    """Run the tests of engines and the examples of their documentation: Spark needs Java 17, Postgres its server."""
    session.install(".[test-engines]")
    names = "engines or arrow or dask or duckdb or polars or ray or spark or sql"  # of modules and pages
    session.run("pytest", "tests/engines", *session.posargs)
    session.run("pytest", "tests/test_docs.py", "tests/test_names.py", "tests/test_style.py", "-k", names)


@nox.session
def docs(session: nox.Session) -> None:
    """Run the examples of README.md, docs/ and docstrings; then build the site and look at it, as `site` does."""
    session.install(".[docs,test]")
    session.run("pytest", "tests/test_docs.py", *session.posargs)
    build_site(session)


@nox.session
def site(session: nox.Session) -> None:
    """Build the site in build/site/html, where each notebook runs; look at it in Chromium, if found."""
    session.install(".[docs]", "hypothesis>=6.100", "pytest>=9", "sybil>=7")
    build_site(session)


def build_site(session: nox.Session) -> None:
    """Build the site, and test what was built."""
    built = ROOT / "build" / "site" / "html"
    # Each notebook runs, in a folder of its own.  A warning is an error.
    session.run("sphinx-build", "--fail-on-warning", "--keep-going", "--fresh-env", "-b", "html", "docs", str(built))
    session.run("pytest", "tests/test_site.py", *session.posargs, env={"DOCS_SITE": str(built)})


@nox.session
def package(session: nox.Session) -> None:
    """Build wheel and sdist, install each in a fresh environment without a network, and use it there."""
    session.install("build>=1.2", "twine>=6.1")
    work = Path(session.create_tmp()).resolve()
    dist, wheelhouse, empty = work / "dist", work / "wheelhouse", work / "empty"
    for folder in (dist, wheelhouse, empty, work / "wheel", work / "sdist"):
        shutil.rmtree(folder, ignore_errors=True)
    empty.mkdir()
    session.run("python", "-m", "build", "--outdir", str(dist), str(ROOT))
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    session.run("twine", "check", "--strict", str(wheel), str(sdist))
    session.run("pip", "download", "--quiet", "--dest", str(wheelhouse), "--only-binary=:all:", "numpy", *BUILD_TOOLS)
    offline = {
        "HOME": str(empty),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": str(wheelhouse),
        "PIP_NO_CACHE_DIR": "1",
        "PIP_NO_INDEX": "1",
    }
    session.chdir(empty)
    for built, tools, options in ((wheel, [], []), (sdist, BUILD_TOOLS, ["--no-build-isolation"])):
        environment = work / ("wheel" if built is wheel else "sdist")
        session.run("python", "-m", "venv", str(environment))
        python = str(environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
        if tools:
            session.run(python, "-m", "pip", "install", "--quiet", *tools, env=offline, external=True)
        session.run(python, "-m", "pip", "install", "--quiet", *options, str(built), env=offline, external=True)
        session.run(python, str(ROOT / "tests" / "smoke.py"), env=offline, external=True)
        session.run(python, "-m", "pip", "check", env=offline, external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Take every figure anew, beside the peers that install here, and write docs/benchmarks.md."""
    session.install("-e", ".", "cython>=3.1", "setuptools>=77")  # in place, since -m imports from the source tree
    lines = (ROOT / "benchmarks" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    for peer in filter(None, (line.split("#")[0].strip() for line in lines)):
        session.install("--only-binary=numpy", peer, success_codes=range(256), silent=True)
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def accuracy(session: nox.Session) -> None:
    """Measure how far the tail's formulas, chains, trees and intervals are from the truth (some minutes)."""
    session.install("-e", ".", "mpmath>=1.3", "scipy>=1.8")
    session.run("python", "-m", "benchmarks.accuracy", *session.posargs)
    if not session.posargs:
        session.run("python", "-m", "benchmarks.accuracy_compare")
        session.run("python", "-m", "benchmarks.accuracy_blame")
        session.run("python", "-m", "benchmarks.accuracy_planning")
        session.run("python", "-m", "benchmarks.accuracy_coverage")
        session.run("python", "-m", "benchmarks.accuracy_traces")
        session.run("python", "-m", "benchmarks.accuracy_correlation")
        session.run("python", "-m", "benchmarks.accuracy_often")
        session.run("python", "-m", "benchmarks.accuracy_bands")
        session.run("python", "-m", "benchmarks.accuracy_forecast")


@nox.session(python="3.11")
def aarch64(session: nox.Session) -> None:
    """Run the tests of the core on an emulated 64-bit ARM: half an hour (as root on Debian: see .ci/aarch64)."""
    session.install(".[test]", *BUILD_TOOLS)
    drill = ["pytest", "tests/_native/test_scan.py"]
    session.run(*drill, env={"HISTORIAN_DRILL_STEP": "1"})  # all mantissas: half a minute of the emulator
    tests = session.posargs or [f"tests/{name}" for name in CORE_TESTS if name != "fuzz"]
    left_out = [f"--deselect=tests/{name}" for name in NOT_EMULATED]
    session.run(str(ROOT / ".ci" / "aarch64"), session.create_tmp(), *tests, *left_out, external=True)


@nox.session(name="bench-check")
def bench_check(session: nox.Session) -> None:
    """Compare the instructions of the hot paths with those committed (needs valgrind)."""
    session.install("-e", ".")
    session.run("python", "-m", "benchmarks.instructions", *session.posargs)


@nox.session
@nox.parametrize(
    "sanitizer, free_threaded",
    [("address,undefined", "0"), ("thread", "0"), ("thread", "1")],
    ids=["address,undefined", "thread", "thread,free-threaded"],
)
def sanitize(session: nox.Session, sanitizer: str, free_threaded: str) -> None:
    """Build the core with gcc's sanitizers, also as if there were no GIL, and run its tests (Linux)."""
    found = [ROOT / "tests" / name for name in CORE_TESTS if name != "fuzz"]
    missing = [str(path) for path in found if not path.exists()]
    if missing:
        session.error(f"there are no tests of the core at {missing}")
    # Tests fork. If another thread allocates at that moment, the child waits for ever for the sanitizer's lock. So here
    # is no OpenTelemetry with its threads, but a process for each part, as allocations in a large one take longer.
    session.install("hypothesis>=6.100", "mpmath>=1.3", "numpy", "pytest>=9")
    session.install(".", env={"HISTORIAN_SANITIZE": sanitizer, "HISTORIAN_FREE_THREADED": free_threaded})
    # What a sanitizer writes is shown, since pytest keeps only what Python writes.
    command = ["python", "-m", "pytest", "-p", "no:cacheprovider", "--capture=sys", *session.posargs]
    command += [f"--deselect=tests/{name}" for name in NOT_SANITIZED[sanitizer]]
    command += [f"--ignore={ROOT / 'tests' / '_live' / 'test_frameworks.py'}"]  # which needs all of them installed
    if shutil.which("setarch"):
        command = ["setarch", platform.machine(), "-R", *command]  # TSan cannot place its shadow memory under ASLR
    session.chdir(session.create_tmp())
    for path in found:
        session.run(*command, str(path), env=sanitizer_environment(sanitizer), external=True)


def sanitizer_environment(sanitizer: str) -> dict[str, str]:
    """Return the environment in which an interpreter can import a core that was built with a sanitizer of gcc."""
    runtime = "libtsan.so" if sanitizer == "thread" else "libasan.so"
    library = subprocess.check_output(["gcc", f"-print-file-name={runtime}"], text=True).strip()
    return {
        "LD_PRELOAD": library,  # the interpreter is not linked with it, and it must come first
        "PYTHONMALLOC": "malloc",  # or pymalloc would hide from it where an object ends
        "ASAN_OPTIONS": "detect_leaks=0",  # CPython leaves much to the end of the process
        "UBSAN_OPTIONS": "print_stacktrace=1",
        # With a long history, it knows both functions of a race, by which it is suppressed.
        "TSAN_OPTIONS": f"suppressions={ROOT / '.ci' / 'tsan-suppressions.txt'}:history_size=7",
    }


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz each reader, blobs also guided by coverage (needs clang).

    Those of our own formats, of arrays and of tables take 20 seconds, others 5.  These are numbers of cases: all
    machines try the same.  A reader that would need more than 30 seconds stops there.  With arguments, SECONDS and SEED
    (default: 1), fuzz each reader for so long.
    """
    seconds, seed = [*session.posargs, *("30", "1")[len(session.posargs) :]][:2]
    fixed, runs = ([], []) if session.posargs else (["--fixed"], [f"-runs={HEADER_RUNS}"])
    session.install(".[all]")
    session.run("python", str(ROOT / "tests" / "fuzz"), *fixed, "--seconds", seconds, "--seed", seed)
    if shutil.which("clang"):
        fuzz_headers(session, *runs, f"-max_total_time={seconds}", f"-seed={seed}")
    else:
        session.warn("skipped the C headers that read blobs: there is no clang; on Debian, apt-get install clang")


@nox.session(name="fuzz-sanitized")
def fuzz_sanitized(session: nox.Session) -> None:
    """Fuzz each reader that calls the core, built with ASan and UBSan, for a number of seconds (Linux, gcc)."""
    seconds, seed = [*session.posargs, *("60", "1")[len(session.posargs) :]][:2]
    session.install(".", env={"HISTORIAN_SANITIZE": "address,undefined"})
    readers = ("blobs", "files", "dicts", "snapshots", "keys", "hdr", "hlogs")
    command = ["python", str(ROOT / "tests" / "fuzz"), *readers, "--seconds", seconds, "--seed", seed]
    session.run(*command, env=sanitizer_environment("address,undefined"))


def fuzz_headers(session: nox.Session, *limits: str) -> None:
    """Fuzz the C headers that read blobs by libFuzzer."""
    work = Path(session.create_tmp())
    corpus, binary = work / "corpus", work / "fuzz_blob"  # the corpus is kept: the next run goes on from there
    corpus.mkdir(exist_ok=True)
    for path in sorted((ROOT / "tests" / "data").glob("*.hist")):
        (corpus / path.name).write_bytes(path.read_bytes()[:-4])  # the checksum is put back by the fuzzer
    source = str(ROOT / "tests" / "_native" / "fuzz_blob.c")
    sanitizers = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    session.run("clang", "-g", "-O1", *sanitizers, "-I", str(NATIVE), source, "-o", str(binary), external=True)
    options = [*limits, "-max_len=4096", "-print_final_stats=1", f"-artifact_prefix={work}/"]
    session.run(str(binary), *options, str(corpus), external=True)
