"""HdrHistogram: read and write its histograms, logs and percentile tables, as all of its ports do.

===========================================  ==============================================================
to                                           use
===========================================  ==============================================================
read a ``.hlog`` file, by interval and tag   `read_log`, which returns a `Log` of `Interval`
write one                                    `write_log`
make a `History` of one, and the way back     `History.from_log`, ``Log.of(history)``
read encoded bytes, or base64                `decode`
keep what HdrHistogram counted               `HdrHistogram`; its ``histogram`` is historian's
write a histogram of historian's             ``HdrHistogram.of(histogram, values="ns").encode()``
write a ``.hgrm`` file                       ``HdrHistogram.percentiles``
read one                                     `read_percentiles`, which returns `Percentiles`
===========================================  ==============================================================

HdrHistogram counts whole numbers, and does not say what they are.  So whatever makes a histogram of them, or them of a
histogram, takes their unit as `values`.

>>> from historian import Histogram
>>> ours = Histogram.from_values([0.012, 0.015, 0.250])                # seconds
>>> theirs = HdrHistogram.of(ours, values="ns")
>>> decode(theirs.to_base64()).histogram(values="ns").counts.tolist() == ours.counts.tolist()
True
"""

from ._histogram import HdrHistogram, decode
from ._log import Interval, Log, LogWarning, read_log
from ._log_writer import write_log
from ._table import Percentiles, read_percentiles

__all__ = [
    "HdrHistogram",
    "Interval",
    "Log",
    "LogWarning",
    "Percentiles",
    "decode",
    "read_log",
    "read_percentiles",
    "write_log",
]
