"""scipy, which comes with an extra: loaded when first needed, or missed with the command that installs it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["special"]


def special() -> Any:
    """Return `scipy.special`.  Raises ImportError saying how to install it."""
    try:
        import scipy.special
    except ImportError as missing:
        raise ImportError('this needs scipy: pip install "latency-historian[notebook]"') from missing
    return scipy.special
