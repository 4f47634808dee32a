"""pyarrow; without it, an error that names the extra."""

from __future__ import annotations

try:
    import pyarrow as pa
except ModuleNotFoundError as _error:
    if _error.name != "pyarrow":
        raise
    raise ImportError("historian.engines.arrow needs pyarrow: run pip install 'latency-historian[arrow]'") from None

__all__ = ["pa"]
