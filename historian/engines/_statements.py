"""The query that counts values in buckets: exact, by comparisons of whole numbers, in any dialect.

A value in ``(2**octave, 2**(octave + 1)]`` is ``m * 2**(octave - 52)``, where m is a whole number above 2**52 and at
most 2**53.  Its bucket is ``64 * octave + s``, where s is the number of inner edges of the octave that are below m.
All values of a bucket have the same octave, so the sum of m is their exact sum.

Where the engine gives the bits of a float64, they hold octave and m, and the table of 128 offsets that
`historian.buckets` describes gives the bucket.  Elsewhere a logarithm gives an estimate of the octave, which is off by
one at most.  A multiplication by a power of two, which is exact, gives m, and a comparison of m corrects the octave.
s is estimated and corrected in the same way, or found by a binary search.
"""

from __future__ import annotations

import math

from .. import buckets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._dialects import Dialect

__all__ = ["BUCKET", "COLUMNS", "COUNT", "MAX", "MIN", "SUM", "UNIT", "statement"]

#: The columns of the result, after those of the keys.
COLUMNS = BUCKET, COUNT, MIN, MAX, SUM, UNIT = (
    "histogram_bucket", "histogram_count", "histogram_min", "histogram_max", "histogram_sum", "histogram_unit",
)  # fmt: skip

#: Stands for the bucket of values that have none: those that are missing, NaN, infinite or negative.
NONE = -1_000_000

#: m of the lower edge of each bucket of an octave, and of the upper edge of the last one.
MANTISSAS = [int(edge * 2.0**52) for edge in (*buckets.EDGES, 2.0)]

#: By which a natural logarithm becomes a number of buckets.  It is used for estimates only.
PER_LOG = buckets.BUCKETS_PER_OCTAVE / math.log(2)


def statement(
    dialect: Dialect, column: str, by: Sequence[str], table: str | Sequence[str], unit: str, invalid: str
) -> str:
    """Return the query, without a comment."""
    keys = [f"key_{number}" for number in range(1, len(by) + 1)]
    named = [f"t.{dialect.quoted(name)} AS {key}" for name, key in zip(by, keys)]
    parts = [
        ("numbers", [*named, f"{dialect.double.format('t.' + dialect.quoted(column))} AS v"], dialect.table(table))
    ]
    is_valid = f"t.v >= 0 AND t.v < {dialect.infinity}"
    steps = _by_bits(dialect) if dialect.bits else _by_comparison(dialect)
    for number, (name, columns) in enumerate(steps):
        source = f"{parts[-1][0]} AS t" + (f"\n  WHERE {is_valid}" if invalid == "drop" and number == 0 else "")
        parts.append((name, [*(f"t.{key}" for key in keys), *columns], source))
    parts[0] = (*parts[0][:2], f"{parts[0][2]} AS t")
    groups = [*(f"t.{key}" for key in keys), "t.bucket"]
    counted = ["COUNT(*) AS n", "MIN(t.v) AS low", "MAX(t.v) AS high", f"{_total(dialect)} AS total"]
    parts.append(("counted", [*groups, *counted], f"placed AS t\n  GROUP BY {', '.join(groups)}"))
    with_parts = ", ".join(
        f"{name} AS (\n  SELECT {_listed(columns)}\n  FROM {rest}\n)" for name, columns, rest in parts
    )
    shown = [f"t.{key} AS {dialect.label(name)}" for name, key in zip(by, keys)]
    results = [_bucket(dialect, invalid), "t.n", "t.low", "t.high", "t.total", dialect.literal(unit)]
    shown += [f"{expression} AS {name}" for expression, name in zip(results, COLUMNS)]
    return f"WITH {with_parts}\nSELECT {_listed(shown)}\nFROM counted AS t"


def _listed(expressions: Sequence[str]) -> str:
    """Return expressions with commas, on lines of their own where they are long."""
    line = ", ".join(expressions)
    return line if len(line) < 100 else ",\n    ".join(expressions)


def _by_bits(dialect: Dialect) -> list[tuple[str, list[str]]]:
    """Return the steps from values to buckets and m by way of bits.

    b is the number of positive floats below the value; -1 for zero, -2 for a value that has no bucket.  Floats below
    2**-1022 have 52 bits less than others, in units of 2**-1074, which are two of the octave's units.
    """
    mask, one = 2**52 - 1, 2**52
    item = dialect.item.format(
        array=dialect.array.format(", ".join(map(str, _offsets()))),
        index=dialect.both.format(dialect.shifted.format("t.b", 45), 127),
    )
    index = f"{dialect.shifted.format(f'(t.b + {item})', 46)} - {1023 * buckets.BUCKETS_PER_OCTAVE}"
    whole = dialect.whole.format
    return [
        (
            "bits",
            [
                "t.v",
                f"CASE WHEN t.v > 0 AND t.v < {dialect.infinity} THEN {dialect.bits.format('t.v')} - 1 "
                f"WHEN t.v = 0 THEN {whole(-1)} ELSE {whole(-2)} END AS b",
            ],
        ),
        (
            "placed",
            [
                "t.v",
                f"CASE WHEN t.b >= 0 THEN {index}\n"
                f"      WHEN t.b = -1 THEN {whole(buckets.ZERO_INDEX)} ELSE {whole(NONE)} END AS bucket",
                f"CASE WHEN t.b >= {one} THEN {dialect.both.format('t.b', mask)} + {one + 1} "
                f"WHEN t.b >= 0 THEN 2 * (t.b + 1) ELSE {whole(0)} END AS m",
            ],
        ),
    ]


def _offsets() -> list[int]:
    """Return the offset of each of the 128 cells of an octave, as `historian.buckets` derives them."""
    one, offsets = 2**52, []
    for start in range(0, one, one // 128):
        s = sum(mantissa - one <= start for mantissa in MANTISSAS) - 1  # of the bucket in which the cell begins
        edge = MANTISSAS[s + 1] - one
        is_inside = edge < min(start + one // 128, one)
        offsets.append(((s + 1) << 46) - edge if is_inside else (s << 46) - start)
    return offsets


def _by_comparison(dialect: Dialect) -> list[tuple[str, list[str]]]:
    """Return the steps from values to buckets and m without bits.

    w is the value if it has a bucket between the zero and the overflow bucket, else 1; `beyond` is then its bucket.
    """
    small, large = f"{dialect.double.format(1)} / 4294967296", f"{dialect.double.format(4294967296)} * 4294967296"
    is_over = f"t.v > {large} AND t.v < {dialect.infinity}"
    one, two = 2**52, 2**53
    powers = f"{dialect.power.format('LEAST(t.n, 48)')} * {dialect.power.format('(t.n - LEAST(t.n, 48))')}"
    return [
        (
            "ranged",
            [
                "t.v",
                f"CASE WHEN t.v > {small} AND t.v <= {large} THEN 0 "
                f"WHEN t.v >= 0 AND t.v <= {small} THEN {buckets.ZERO_INDEX} "
                f"WHEN {is_over} THEN {buckets.OVERFLOW_INDEX} ELSE {NONE} END AS beyond",
                f"CASE WHEN t.v > {small} AND t.v <= {large} THEN t.v ELSE {dialect.double.format(1)} END AS w",
            ],
        ),
        (
            "estimated",
            ["t.v", "t.beyond", "t.w", f"LEAST(GREATEST(63 - {_estimate(dialect, 't.w', 1)}, 0), 95) AS n"],
        ),
        ("scaled", ["t.v", "t.beyond", "t.n", f"t.w * {powers} / 2048 AS x"]),
        (
            "whole",
            [
                "t.v",
                "t.beyond",
                f"CASE WHEN t.x <= {one} THEN 62 - t.n WHEN t.x > {two} THEN 64 - t.n ELSE 63 - t.n END AS octave",
                dialect.whole.format(f"CASE WHEN t.x <= {one} THEN t.x * 2 WHEN t.x > {two} THEN t.x / 2 ELSE t.x END")
                + " AS m",
            ],
        ),
        *_placed(dialect),
    ]


def _placed(dialect: Dialect) -> list[tuple[str, list[str]]]:
    """Return the steps from octave and m to the bucket."""
    bucket = "CASE WHEN t.beyond = 0 THEN 64 * t.octave + {} ELSE t.beyond END AS bucket"
    if not dialect.item:
        return [("placed", ["t.v", bucket.format(_search(0, 64)), "t.m"])]
    edges = dialect.array.format(", ".join(_typed(dialect, mantissa) for mantissa in MANTISSAS))
    lower, upper = (dialect.item.format(array=edges, index=index) for index in ("t.s", "(t.s + 1)"))
    estimate = _estimate(dialect, f"{dialect.double.format('t.m')} / {2**52}", 64)
    correction = f"CASE WHEN t.m <= {lower} THEN -1\n      WHEN t.m > {upper} THEN 1 ELSE 0 END"
    return [
        ("cells", ["t.v", "t.beyond", "t.octave", "t.m", f"LEAST(GREATEST({estimate}, 0), 63) AS s"]),
        ("placed", ["t.v", bucket.format(f"t.s + {correction}"), "t.m"]),
    ]


def _typed(dialect: Dialect, whole: int) -> str:
    return f"{whole}L" if dialect.name == "spark" else str(whole)


def _estimate(dialect: Dialect, value: str, per_octave: int) -> str:
    """Return the largest whole number below the logarithm to base 2, times `per_octave`; it may be off by one."""
    factor = dialect.double.format(f"'{PER_LOG * per_octave / 64!r}'")
    kind = "CAST({} AS INT)" if dialect.name == "spark" else dialect.whole
    return kind.format(f"FLOOR(LN({value}) * {factor})")


def _search(first: int, end: int) -> str:
    """Return a binary search for the bucket of m among those from `first` to `end`."""
    if end - first == 1:
        return str(first)
    middle = (first + end) // 2
    indent = "\n      " if end - first > 16 else " "
    low, high = _search(first, middle), _search(middle, end)
    return f"CASE WHEN t.m <= {MANTISSAS[middle]} THEN{indent}{low}{indent}ELSE{indent}{high} END"


def _total(dialect: Dialect) -> str:
    """Return the sum of the values of a bucket, in units of 2**(octave - 52); after "~" it is the engine's own."""
    exact = dialect.total.format("t.m")
    if dialect.bits:
        return exact
    between = f"t.bucket BETWEEN {buckets.MIN_INDEX} AND {buckets.MAX_INDEX}"
    return f"CASE WHEN {between} THEN {exact} ELSE CONCAT('~', {dialect.text.format('SUM(t.v)')}) END"


def _bucket(dialect: Dialect, invalid: str) -> str:
    """Return the bucket of a row of the result; with "raise" an expression that fails if a value has none."""
    bucket = f"NULLIF(t.bucket, {NONE})"
    if invalid != "raise":
        return bucket
    bad, every = f"SUM(CASE WHEN t.bucket = {NONE} THEN t.n ELSE 0 END) OVER ()", "SUM(t.n) OVER ()"
    bad_text, every_text = (dialect.text.format(number) for number in (bad, every))
    words = "'historian: ', {}, ' of ', {}, ' values are missing, NaN, infinite or negative'"
    message = f"CONCAT({words.format(bad_text, every_text)})"
    if dialect.error:
        return f"CASE WHEN {bad} > 0 THEN {dialect.error.format(message)} ELSE {bucket} END"
    # The engine fails with the text that it cannot read as a number.
    number = dialect.read.format(f"CASE WHEN {bad} > 0 THEN {message} ELSE {dialect.text.format('t.bucket')} END")
    return f"NULLIF({number}, {NONE})"
