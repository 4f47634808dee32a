"""What latency becomes where calls wait for servers: hedges, retries and tied requests add load.

==================================  ==================================================================
to                                  use
==================================  ==================================================================
know whether a hedge helps          `advise`: ``print(advise(service, servers=8, utilisation=0.7))``
simulate a pool under load          `simulate`: hedges, retries with time-outs, tied requests; `Load`
compute a queue M/M/c               `mmc`: Erlang C, waits and response times
approximate G/G/1 and G/G/c         `kingman`, `allen_cunneen`: the mean wait, also from histograms
relate requests, rate and time      `littles_law`
see how far throughput grows        `amdahl`, `usl`; `fit_usl` and `fit_amdahl`, with intervals
==================================  ==================================================================

`historian.tail` says what a hedge does to one call on servers that never wait: its load slows down nothing.  This
module says what it does to a pool of servers at a utilisation.  Answers that come from a simulation or a fit are
`historian.tail.Estimate`; those of a formula are floats.

>>> import warnings
>>> from historian import Histogram, tail
>>> service = Histogram.from_values([0.010] * 8_900 + [0.1] * 1_000 + [0.5] * 100)
>>> print(tail.hedge(service.dist(), after=0.010).quantile(0.99))
99.9 ms (99.6 to 101 ms)
>>> with warnings.catch_warnings():
...     warnings.simplefilter("ignore", LoadWarning)
...     print(advise(service, servers=8, utilisation=0.7, delays=[0.010], requests=20_000).sentence)
at 70 % load, do not hedge: every hedge makes it worse; with 1 of 1 the queue grows without bound

The names in `__all__` are public; the modules may move.  These are the modules, in the order in which data flow.

Display:

- `views`: what notebooks and terminals show.

Closed forms:

- `service`: what a simulation draws at random, and the mean of service times.
- `erlang`: the queue M/M/c; `MMc`.
- `approximations`: `kingman` and `allen_cunneen`.
- `laws`: `littles_law`, `amdahl` and `usl`.

Fits:

- `fitting`: least squares, and the parameters that the data allow.
- `scalability`: `fit_usl` and `fit_amdahl`; `Scalability`.

Simulation:

- `policy`: when a second call is sent, and what becomes of the first.
- `pool`: servers, queues and events.
- `measurement`: what is measured, by windows.
- `load`: the answers of a simulation; `Load`.
- `simulation`: `simulate`.
- `advice`: `advise` and `Advice`.
"""

from .advice import Advice, Option, advise
from .approximations import allen_cunneen, kingman
from .erlang import MMc, mmc
from .laws import amdahl, littles_law, usl
from .load import Load, LoadWarning
from .scalability import Scalability, fit_amdahl, fit_usl
from .simulation import simulate

__all__ = [
    "Advice",
    "Load",
    "LoadWarning",
    "MMc",
    "Option",
    "Scalability",
    "advise",
    "allen_cunneen",
    "amdahl",
    "fit_amdahl",
    "fit_usl",
    "kingman",
    "littles_law",
    "mmc",
    "simulate",
    "usl",
]
