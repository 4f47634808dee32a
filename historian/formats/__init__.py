"""Formats of histograms: a module for each other library, which is imported when it is first used.

`historian.formats.opentelemetry`: exponential histograms, to send and to read.
`historian.formats.prometheus`: native histograms, and classic ones, to be scraped; text of others, to be read.
`historian.formats.hdr`: HdrHistogram's encodings, logs and percentile tables.
`historian.formats.ddsketch`: DDSketch's messages.
`historian.formats.benchmarks`: the JSON of pytest-benchmark, pyperf and asv, to be read.

The own formats need no module.  Bytes: `Histogram.to_bytes` and `Histogram.from_bytes`.  Plain data, suitable for JSON:
`Histogram.to_dict` and `Histogram.from_dict`.  JSON lines: `historian.snapshot`.
"""

__all__ = ["benchmarks", "ddsketch", "hdr", "opentelemetry", "prometheus"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import benchmarks, ddsketch, hdr, opentelemetry, prometheus
else:  # otherwise a type checker would accept every misspelt name

    def __getattr__(name: str) -> object:
        """Import a module of `__all__` when it is first used."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return __all__
