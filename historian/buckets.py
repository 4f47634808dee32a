"""The one bucket layout: constants, exact edges, and the error guarantee.

Bucket ``i`` holds the values in ``(2**(i/64), 2**((i+1)/64)]``, upper edge included, for ``i`` from -2048 to 4095.
That is 64 buckets per octave over ``(2**-32, 2**64]``; in seconds, from a quarter of a nanosecond to 584 billion
years.  Below them is the *zero* bucket ``[0, 2**-32]``, above them the *overflow* bucket ``(2**64, inf)``.  There is
nothing to configure, so any two histograms can be merged.  OpenTelemetry's exponential histogram at scale 6 has the
same buckets with the same index.  Prometheus' native histogram at schema 6 has them with index + 1.

An edge is the float nearest to ``2**(i/64)``, so a value is in the same bucket on every machine.

The error guarantee.  Let ``g = 2**(1/64)`` be the ratio of a bucket's edges.  Every value in a bucket ``(e, e*g]`` is
represented by one value ``r*e``.  The relative error is largest at the two edges: ``r - 1`` at the lower edge,
``(g - r)/g`` at the upper edge.  A larger ``r`` increases the first and decreases the second.  So the worst case is
smallest where both are equal::

    r - 1 = (g - r)/g   <=>   r = 2*g/(1 + g),   error = r - 1 = (g - 1)/(g + 1) = 0.5415 %

The index, without a logarithm.  Take the 64 bits of a positive float, minus one: this makes the upper edge inclusive.
The exponent counts octaves.  The top 7 bits of the mantissa select one of 128 equal cells.  A cell is 1/128 wide and
the narrowest bucket ``g - 1 = 1/92``, so a cell contains at most one edge.  Each cell has an offset that moves its
edge to a multiple of 2**46.  Then a shift gives the index::

    b = bits(value) - 1
    index = (b + A[(b >> 45) & 127]) >> 46

If a cell contains the edge with mantissa ``B`` between sub-buckets ``s`` and ``s + 1``, its offset is
``A = ((s + 1) << 46) - B``.  In a cell without an edge it is ``A = (s << 46) - cell_start``.  The table ``A`` is in
the C header ``bucket.h``.  This module finds the same index by a binary search, for users and for the tests.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import SupportsIndex

__all__ = [
    "BUCKETS_PER_OCTAVE",
    "EDGES",
    "GROWTH",
    "MAX_INDEX",
    "MIN_INDEX",
    "OVERFLOW_INDEX",
    "RELATIVE_ERROR",
    "ZERO_INDEX",
    "index",
    "lower",
    "representative",
    "upper",
]

#: Number of buckets between a value and twice that value.
BUCKETS_PER_OCTAVE = 64
#: First bucket: its lower edge is 2**(-2048/64) = 2**-32.
MIN_INDEX = -2048
#: Last bucket: its upper edge is 2**(4096/64) = 2**64.
MAX_INDEX = 4095
#: Index of the zero bucket, [0, 2**-32].
ZERO_INDEX = MIN_INDEX - 1
#: Index of the overflow bucket, (2**64, inf).
OVERFLOW_INDEX = MAX_INDEX + 1

#: 2**(k/64) for k in 0..63, each correctly rounded.  They are literals because libm need not be exact.
# fmt: off
EDGES = (
    1.0, 1.0108892860517005, 1.0218971486541166, 1.0330248790212284,
    1.0442737824274138, 1.0556451783605572, 1.0671404006768237, 1.0787607977571199,
    1.0905077326652577, 1.102382583307841, 1.1143867425958924, 1.1265216186082418,
    1.1387886347566916, 1.1511892299529827, 1.1637248587775775, 1.1763969916502812,
    1.189207115002721, 1.202156731452703, 1.215247359980469, 1.22848053610687,
    1.241857812073484, 1.255380757024691, 1.2690509571917332, 1.2828700160787783,
    1.2968395546510096, 1.3109612115247644, 1.3252366431597413, 1.339667524053303,
    1.3542555469368927, 1.3690024229745905, 1.383909881963832, 1.3989796725383112,
    1.4142135623730951, 1.42961333839197, 1.4451808069770467, 1.460917794180647,
    1.4768261459394993, 1.4929077282912648, 1.5091644275934228, 1.5255981507445384,
    1.5422108254079407, 1.559004400237837, 1.5759808451078865, 1.593142151342267,
    1.6104903319492543, 1.6280274218573478, 1.645755478153965, 1.6636765803267364,
    1.681792830507429, 1.7001063537185235, 1.718619298122478, 1.7373338352737062,
    1.7562521603732995, 1.7753764925265212, 1.7947090750031072, 1.8142521755003989,
    1.8340080864093424, 1.8539791250833855, 1.8741676341103, 1.8945759815869656,
    1.9152065613971474, 1.9360617934922943, 1.9571441241754002, 1.978456026387951,
)
# fmt: on

#: Ratio of a bucket's upper edge to its lower edge, 2**(1/64).
GROWTH = EDGES[1]
#: The guarantee: the largest relative error of a representative, for any value in its bucket.
RELATIVE_ERROR = (GROWTH - 1) / (GROWTH + 1)

#: Representatives of the buckets 0..63; see the derivation above.
_REPRESENTATIVES = tuple(2 * GROWTH / (1 + GROWTH) * edge for edge in EDGES)


def index(value: float) -> int:
    """Return the index of the bucket that holds `value`.

    O(1).  Raises ValueError for NaN, infinities and negative values.

    >>> index(1.0), index(2.0), index(math.nextafter(1.0, 2.0))
    (-1, 63, 0)
    >>> index(0.0) == ZERO_INDEX, index(1e300) == OVERFLOW_INDEX
    (True, True)
    """
    if not 0 <= value <= 1.7976931348623157e308:
        raise ValueError(f"value must be finite and not negative, not {value!r}")
    mantissa, exponent = math.frexp(value)  # value = mantissa * 2**exponent, mantissa in [0.5, 1)
    octave = (exponent - 1) * BUCKETS_PER_OCTAVE
    found = octave + bisect_left(EDGES, 2 * mantissa) - 1
    return OVERFLOW_INDEX if value > 2.0**64 else max(found, ZERO_INDEX) if value else ZERO_INDEX


def lower(i: SupportsIndex) -> float:
    """Return the lower edge of bucket `i`.

    The edge itself is not in the bucket, except 0 in the zero bucket.

    O(1).  Raises ValueError unless ``ZERO_INDEX <= i <= OVERFLOW_INDEX``.

    >>> lower(0), lower(63), lower(ZERO_INDEX)
    (1.0, 1.978456026387951, 0.0)
    """
    i = _checked(i)
    return 0.0 if i == ZERO_INDEX else math.ldexp(EDGES[i & 63], i >> 6)


def upper(i: SupportsIndex) -> float:
    """Return the upper edge of bucket `i`; infinity for the overflow bucket.

    The edge itself is in the bucket.

    O(1).  Raises ValueError unless ``ZERO_INDEX <= i <= OVERFLOW_INDEX``.

    >>> upper(-1), upper(63), upper(OVERFLOW_INDEX)
    (1.0, 2.0, inf)
    """
    i = _checked(i)
    return math.inf if i == OVERFLOW_INDEX else math.ldexp(EDGES[(i + 1) & 63], (i + 1) >> 6)


def representative(i: SupportsIndex) -> float:
    """Return the value that represents bucket `i`, within RELATIVE_ERROR of every value in it.

    It is ``2*g/(1 + g)`` times the lower edge (derived above).  For the zero bucket it is 0, which is within 2**-32
    of every value there.  For the overflow bucket, which has no upper limit, it is infinity.

    O(1).  Raises ValueError unless ``ZERO_INDEX <= i <= OVERFLOW_INDEX``.

    >>> representative(0)
    1.0054151594159026
    """
    i = _checked(i)
    if i == ZERO_INDEX:
        return 0.0
    return math.inf if i == OVERFLOW_INDEX else math.ldexp(_REPRESENTATIVES[i & 63], i >> 6)


def _checked(i: SupportsIndex) -> int:
    i = operator.index(i)
    if not ZERO_INDEX <= i <= OVERFLOW_INDEX:
        raise ValueError(f"bucket index {i} is outside {ZERO_INDEX}..{OVERFLOW_INDEX}")
    return i
