"""The kinds of instructions for arrays that a core may report."""

import platform


def at_most(limit: str) -> list[str]:
    """Return those that this processor may have if `limit` is the value of HISTORIAN_SIMD, "" for no limit."""
    if platform.machine().lower() in ("aarch64", "arm64"):
        return ["baseline"] if limit == "baseline" else ["neon", "baseline"]
    widest_first = ["avx512", "avx2", "baseline"]
    return widest_first[widest_first.index(limit or "avx512") :]
