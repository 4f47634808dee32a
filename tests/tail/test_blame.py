"""Which leaf makes requests slow: against enumeration of every outcome, against draws, and laws."""

import math
import pickle
from itertools import product

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from historian import Histogram
from historian.tail import Estimate, TailWarning, all_of, choice, first_of, hedge, k_of, retry, seq, tied
from historian.tail.dist import from_sf
from historian.tail.tree import calls, leaves, rebuilt


def leaf(counts, confidence=None):
    """Return the distribution of a few values on edges of buckets, from a mapping of them to their numbers."""
    values = [value for value, n in counts.items() for _ in range(n)]
    return Histogram.from_values(values).dist(confidence=confidence)


def lognormal(median, sigma, count=2_000, confidence=None, seed=1):
    random = np.random.default_rng(seed)
    return Histogram.from_values(median * np.exp(sigma * random.standard_normal(count))).dist(confidence=confidence)


# ---- enumeration: outcomes are (time, longest call of each leaf), with their probabilities ----

CLOSE = 0.04  # outcomes nearer to a threshold than this would be in doubt, since values may be anywhere in their bucket


def merged(outcomes):
    found = {}
    for p, time, longest in outcomes:
        found[time, longest] = found.get((time, longest), 0.0) + p
    return [(p, time, longest) for (time, longest), p in found.items()]


def longer(*longest):
    return tuple(map(max, zip(*longest)))


def far_from(threshold, outcomes):
    assume(all(math.isinf(t) or abs(t / threshold - 1) > CLOSE for _, t, _ in outcomes))


def together(parts, time_of):
    """Return the outcomes of independent parts."""
    found = [(1.0, (), None)]
    for part in parts:
        found = merged(
            (p * q, (*times, time), longest if before is None else longer(before, longest))
            for (p, times, before), (q, time, longest) in product(found, part)
        )
    return merged((p, time_of(sorted(times)), longest) for p, times, longest in found)


def outcomes_of(spec, values, t):
    """Return all outcomes of a tree; `values` are those of each leaf."""
    if isinstance(spec, int):
        total = sum(values[spec].values())
        return [
            (n / total, value, tuple(value if k == spec else -1.0 for k in range(len(values))))
            for value, n in values[spec].items()
        ]
    name, *rest = spec
    if name in ("seq", "all_of", "first_of", "k_of"):
        parts = [outcomes_of(part, values, t) for part, n in rest[-1] for _ in range(n)]
        k = {"all_of": len(parts), "first_of": 1}.get(name, rest[0])
        return together(parts, math.fsum if name == "seq" else lambda times: times[k - 1])
    if name == "choice":
        return merged((p * w, *one) for part, w in rest[0] for p, *one in outcomes_of(part, values, t))
    part = outcomes_of(rest[0], values, t)
    if name == "hedge":
        _, after, prob = rest
        far_from(after, part)
        found = [(p * (1 - prob if time > after else 1), time, longest) for p, time, longest in part]
        for (p, time, longest), (q, second, other) in product(part, part):
            if time > after:
                found.append(
                    (p * q * prob, min(time, after + second), longer(longest, other) if after < t else longest)
                )
        return merged(found)
    _, timeout, retries, backoff = rest
    far_from(timeout, part)
    found = [(p, time if time < timeout else math.inf, longest) for p, time, longest in part]
    for k in range(1, retries + 1):
        start = k * (timeout + backoff)
        done = [one for one in found if one[1] < math.inf]
        for (p, _, longest), (q, time, other) in product([one for one in found if one[1] == math.inf], part):
            done.append((p * q, start + time if time < timeout else math.inf, longer(longest, other)))
        found = merged(done)
        assume(abs(start / t - 1) > CLOSE)
        if start > t:  # the request is slow by then: these attempts do not count
            return outcomes_of(("retry", rest[0], timeout, k - 1, backoff), values, t)
    return found


def built(spec, xs):
    if isinstance(spec, int):
        return xs[spec]
    name, *rest = spec
    if name == "seq":
        return seq(*[part for inner, n in rest[0] for part in [built(inner, xs)] * n])
    if name in ("all_of", "first_of", "k_of", "choice"):
        parts = {}
        for inner, n in rest[-1]:
            part = built(inner, xs)
            parts[part] = parts.get(part, 0) + n
        functions = {"all_of": all_of, "first_of": first_of, "choice": choice}
        return k_of(rest[0], parts) if name == "k_of" else functions[name](parts)
    if name == "hedge":
        return hedge(built(rest[0], xs), after=rest[1], prob=rest[2])
    return retry(built(rest[0], xs), timeout=rest[1], retries=rest[2], backoff=rest[3])


VALUES = st.dictionaries(st.sampled_from([2.0**k for k in range(-3, 4)]), st.integers(1, 5), min_size=2, max_size=3)


def operations(inner):
    numbered = st.lists(st.tuples(inner, st.integers(1, 2)), min_size=1, max_size=2)
    return st.one_of(
        st.tuples(st.just("seq"), st.lists(st.tuples(inner, st.integers(1, 2)), min_size=1, max_size=3)),
        st.tuples(st.sampled_from(["all_of", "first_of"]), numbered),
        st.tuples(st.just("k_of"), st.just(2), st.tuples(st.tuples(inner, st.just(2)), st.tuples(inner, st.just(1)))),
        st.tuples(st.just("choice"), st.tuples(st.tuples(inner, st.just(0.75)), st.tuples(inner, st.just(0.25)))),
        st.tuples(st.just("hedge"), inner, st.sampled_from([0.7, 2.9]), st.sampled_from([1.0, 0.5])),
        st.tuples(
            st.just("retry"), inner, st.sampled_from([1.4, 5.7]), st.sampled_from([1, 2]), st.sampled_from([0.0, 0.3])
        ),
    )


LEAF = st.integers(0, 2)
TREES = operations(st.one_of(LEAF, operations(LEAF)))


def threshold(outcomes, share):
    """Return an edge between two times that are far apart, with about this share above it."""
    times = sorted({time for _, time, _ in outcomes})
    gaps = [math.sqrt(a * b) for a, b in zip(times, [*times[1:], times[-1]]) if 1.2 * a < b < math.inf]
    assume(gaps)
    t = min(gaps, key=lambda t: abs(sum(p for p, time, _ in outcomes if time > t) - share))
    return math.exp2(round(64 * math.log2(t)) / 64)


@settings(max_examples=20, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking takes minutes
@given(TREES, st.tuples(VALUES, VALUES, VALUES), VALUES, st.sampled_from([0.05, 0.3]))
def test_every_operation_against_enumeration(spec, values, other, share):
    t = threshold(outcomes_of(spec, values, 1e9), share)
    outcomes = outcomes_of(spec, values, t)
    far_from(t, outcomes)
    slow = [one for one in outcomes if one[1] > t]
    total = sum(p for p, *_ in slow)
    assume(total > 1e-3)
    xs = [leaf(one) for one in values]
    instead = leaf(other)
    tree = built(spec, xs)
    found = tree.blame(t=t, instead=dict.fromkeys(leaves(tree), instead))
    assert found.t == pytest.approx(t, rel=1e-12)
    assert found.slow.value == pytest.approx(total, rel=1e-6)
    assert sum(cause.slowest.value for cause in found) == pytest.approx(1, abs=1e-3)
    for k, x in enumerate(xs):
        if x not in leaves(tree):
            continue
        for changed, answer in (({0.0: 1}, found[x].necessary), (other, found[x].saved)):
            after = outcomes_of(spec, tuple(changed if i == k else one for i, one in enumerate(values)), t)
            far_from(t, after)
            left = sum(p for p, time, _ in after if time > t)
            assert answer.value == pytest.approx(1 - left / total, abs=2e-3)
        assert found[x].becomes.sf(t).value == pytest.approx(left, abs=1e-6)
        alone, tied_with = (
            sum(p for p, _, longest in slow if longest[k] == max(longest) and longest.count(max(longest)) <= most)
            for most in (1, 9)
        )
        assert found[x].slowest.lower == pytest.approx(alone / total, abs=1e-3)
        assert found[x].slowest.upper == pytest.approx(tied_with / total, abs=1e-3)


def test_a_chain_of_two_by_hand():
    """Of a, 1 in 10 is slow, of b 1 in 5: slow requests are 0.1 + 0.2 - 0.02 = 0.28.  Of these, 0.02 need neither."""
    a, b = leaf({0.125: 9, 4.0: 1}), leaf({0.25: 8, 8.0: 2})
    found = seq(a, b).blame(t=2.0, names={a: "a", b: "b"})
    assert found.slow.value == pytest.approx(0.28)
    assert found["a"].necessary.value == pytest.approx(0.08 / 0.28, abs=1e-6)
    assert found["b"].necessary.value == pytest.approx(0.18 / 0.28, abs=1e-6)
    assert found["a"].slowest.value == pytest.approx(0.08 / 0.28, abs=1e-6)
    assert found["b"].slowest.value == pytest.approx(0.20 / 0.28, abs=1e-6)
    assert found["b"].saved.value == pytest.approx(0.18 / 0.28, abs=1e-6)  # 0.25 is not slow either
    assert found["b"].becomes.sf(2.0).value == pytest.approx(0.1)
    assert [cause.name for cause in found] == ["b", "a"]
    assert found["a"].necessary.confidence is None


def test_ties_are_bounds():
    """Both take 4 s at once in 0.5 * 0.5 of all, 1/3 of the slow ones: the longest call may be of either."""
    a, b = leaf({1.0: 1, 4.0: 1}), leaf({1.0: 1, 4.0: 1})
    share = all_of({a: 1, b: 1}).blame(t=2.0)[a].slowest
    assert (share.lower, share.value, share.upper) == pytest.approx((1 / 3, 1 / 2, 2 / 3), abs=1e-6)


def test_against_draws():
    """A tree of lognormal times, and 100,000 requests: a share of 2,000 slow ones has a noise of 1 %."""
    random, n = np.random.default_rng(2), 100_000
    drawn = [
        m * np.exp(s * random.standard_normal((k, n))) for m, s, k in ((0.01, 0.8, 1), (0.005, 1.0, 5), (0.02, 0.4, 2))
    ]
    xs = [Histogram.from_values(one.ravel()).dist(confidence=None) for one in drawn]
    found = seq(xs[0], all_of(5, xs[1]), hedge(xs[2], after=0.03)).blame(0.98)

    def total(one, five, two):
        return one[0] + five.max(axis=0) + np.minimum(two[0], 0.03 + two[1])

    slow = total(*drawn) > found.t
    some = [one[:, slow] for one in drawn]
    assert found.slow.value == pytest.approx(slow.mean(), rel=0.06)
    longest = np.stack([some[0][0], some[1].max(axis=0), np.where(some[2][0] > 0.03, some[2].max(axis=0), some[2][0])])
    for k, x in enumerate(xs):
        left = total(*(np.zeros_like(one) if i == k else one for i, one in enumerate(some))) > found.t
        assert found[x].necessary.value == pytest.approx(1 - left.mean(), abs=0.03)
        assert found[x].slowest.value == pytest.approx((longest.argmax(axis=0) == k).mean(), abs=0.03)


# ---- laws ----


def test_a_leaf_that_takes_no_time_is_never_to_blame():
    nothing, x, y = leaf({0.0: 1}), lognormal(0.01, 1.0), lognormal(0.02, 0.5, seed=2)
    found = seq(nothing, choice({x: 0.5, nothing: 0.5}), y).blame(0.99)
    assert found[nothing].necessary == found[nothing].saved == found[nothing].slowest == 0


def test_equal_leaves_have_equal_shares():
    x, y, z = (lognormal(0.01, 1.0, seed=seed) for seed in (1, 1, 3))
    found = seq(x, all_of(3, z), y).blame(0.99)
    for kind in ("slowest", "necessary", "saved"):
        assert getattr(found[x], kind).value == pytest.approx(getattr(found[y], kind).value, rel=1e-9)


def test_a_single_leaf_is_to_blame_for_everything():
    x = lognormal(0.01, 1.0)
    for tree in (x, all_of(10, x), seq(x, x)):
        (cause,) = tree.blame(0.9)
        assert cause.slowest == cause.necessary == 1
        assert cause.saved == pytest.approx(1.0)


def test_the_same_tail_instead_saves_nothing_and_a_worse_one_less():
    x, y = lognormal(0.01, 1.0), lognormal(0.02, 0.5, seed=2)
    worse = Histogram.from_values([0.5] * 1_000).dist()
    found = seq(x, y).blame(0.99, instead={x: x, y: worse})
    assert found[x].saved == 0 and found[y].saved < 0
    assert found[y].becomes.sf(found.t) == 1
    assert found[x].instead is x and found[y].instead is worse


def test_a_quantile_and_its_threshold_agree():
    x, y = lognormal(0.01, 1.0), lognormal(0.02, 0.5, seed=2)
    tree = seq(x, y)
    found = tree.blame(0.99)
    assert found.t < tree.quantile(0.99) <= found.t * 1.02
    assert 0.01 <= found.slow.value < 0.012
    again = tree.blame(t=found.t)
    assert again.t == found.t and again[x].necessary == found[x].necessary
    assert again.q == pytest.approx(1 - found.slow)


def test_intervals_hold_the_value_and_shrink_with_more_data():
    widths = []
    for count in (1_000, 100_000):
        x, y = lognormal(0.01, 0.8, count, 0.95), lognormal(0.02, 0.5, count, 0.95, seed=2)
        found = seq(x, y).blame(0.95)
        for cause in found:
            for share in (cause.slowest, cause.necessary, cause.saved):
                assert share.lower < share.value < share.upper
                assert share.confidence == 0.95 and share.method == "bootstrap"
        widths.append(found[x].necessary.upper - found[x].necessary.lower)
    assert widths[1] < widths[0] / 5  # the square root of 100 is 10


def test_an_unseen_tail_widens_what_no_sample_varies():
    """In 1,000 fast calls, up to 1 - 0.025^(1/1000) = 0.37 % may be slow unseen: that is 37 % of 1 % slow ones."""
    fast, slow = leaf({0.125: 1_000}, 0.95), leaf({0.125: 990, 8.0: 10}, 0.95)
    found = seq(fast, slow).blame(t=1.0)
    unseen = (1 - 0.025 ** (1 / 1_000)) / 0.01
    assert found[fast].necessary == 0 and found[fast].necessary.upper == pytest.approx(unseen)
    assert found[slow].necessary == 1 and found[slow].necessary.lower == pytest.approx(1 - unseen)
    assert found[slow].slowest.lower == pytest.approx(1 - unseen)


def test_exact_leaves_have_exact_shares():
    x, y = (from_sf(lambda t, mean=mean: math.exp(-t / mean)) for mean in (1.0, 2.0))
    found = seq(x, y).blame(t=16.0)
    # P(X + Y > t) = 2 exp(-t/2) - exp(-t) for means 1 and 2
    slow = 2 * math.exp(-8) - math.exp(-16)
    assert found.slow.value == pytest.approx(slow, rel=1e-3)
    assert found[x].necessary.value == pytest.approx(1 - math.exp(-8) / slow, abs=1e-4)
    assert found[y].necessary.value == pytest.approx(1 - math.exp(-16) / slow, abs=1e-4)


def test_calls_that_never_return_are_slow():
    x, y = lognormal(0.01, 1.0), lognormal(0.02, 0.5, seed=2)
    tree = seq(retry(x, timeout=0.1, retries=1), y)
    found = tree.blame(t=0.25)
    assert found.slow == tree.sf(found.t) > tree.never
    assert found[x].necessary.value == pytest.approx(1 - y.sf(found.t) / found.slow, abs=1e-3)


# ---- the tree ----


def test_the_tree_of_a_distribution():
    x, y = leaf({1.0: 1, 2.0: 1}), leaf({1.0: 1, 3.0: 2})
    tree = seq(x, seq(y, x), tied(x, y, n=3), retry(hedge(y, after=1.0), timeout=2.5, retries=2))
    assert leaves(tree) == [x, y]
    assert calls(tree) == {x: 2 + 3, y: 1 + 1 + 3 * 2}
    same = rebuilt(tree, {})
    assert same is tree
    changed = rebuilt(tree, {x: y})
    assert leaves(changed) == [y]
    assert changed.sf(4.0).value == pytest.approx(
        seq(y, y, y, tied(y, y, n=3), retry(hedge(y, after=1.0), timeout=2.5, retries=2)).sf(4.0).value
    )
    both = rebuilt(all_of({x: 1, y: 2}), {x: y})
    assert both.sf(1.0).value == pytest.approx(1 - (1 / 3) ** 3)


def test_a_pickle_keeps_the_tree():
    x, y = lognormal(0.01, 1.0), lognormal(0.02, 0.5, seed=2)
    tree = pickle.loads(pickle.dumps(seq(x, all_of(2, y), choice({x: Estimate(0.3, 0.2, 0.4), y: 0.7}))))
    assert len(leaves(tree)) == 2
    assert [cause.name for cause in tree.blame(0.9)] == ["leaf 1", "leaf 2"]


# ---- arguments ----


def test_names_and_look_up():
    x, y = lognormal(0.01, 1.0), lognormal(0.02, 0.5, seed=2)
    found = seq(x, y).blame(0.9, names={y: "db"})
    assert {cause.name for cause in found} == {"leaf 1", "db"}
    assert found["db"] is found[y] and found[0] is found.causes[0] and len(found) == 2
    assert found["db"] in found
    with pytest.raises(KeyError, match=r"'cache' is no leaf: leaves are .*db"):
        found["cache"]


def test_bad_arguments():
    x, y = leaf({1.0: 1, 2.0: 1}), leaf({1.0: 1, 3.0: 2})
    tree = seq(x, y)
    for arguments in ({}, {"q": 0.9, "t": 1.0}):
        with pytest.raises(TypeError, match="either a quantile q or a time t"):
            tree.blame(**arguments)
    for q in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="q must be"):
            tree.blame(q)
    for t in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="t must be"):
            tree.blame(t=t)
    with pytest.raises(ValueError, match=r"t must be less, not 5\.0: no request is slow"):
        tree.blame(t=5.0)
    stranger = leaf({1.0: 1})
    with pytest.raises(ValueError, match="instead must have leaves of the tree as keys"):
        tree.blame(0.9, instead={stranger: x})
    with pytest.raises(TypeError, match=r"instead must map leaves to distributions, .*: pass its \.dist\(\)"):
        tree.blame(0.9, instead={x: Histogram.from_values([1.0])})
    with pytest.raises(ValueError, match="not to a composed distribution"):
        tree.blame(0.9, instead={x: tree})
    with pytest.raises(ValueError, match="in the tree's unit"):
        tree.blame(0.9, instead={x: Histogram.from_values([1.0], unit="ms").dist()})
    with pytest.raises(ValueError, match="names must have leaves"):
        tree.blame(0.9, names={stranger: "x"})
    with pytest.raises(ValueError, match="names must differ"):
        tree.blame(0.9, names={x: "a", y: "a"})


def test_quantiles_without_a_time():
    nothing = leaf({0.0: 9, 1.0: 1})
    with pytest.raises(ValueError, match=r"q must be larger, not 0\.5: such a share of all requests takes no time"):
        nothing.blame(0.5)
    lost = retry(leaf({1.0: 1, 4.0: 1}), timeout=2.0, retries=0)
    assert lost.blame(0.9).slow == 0.5  # those that never return
    with pytest.raises(ValueError, match=r"q must be less, not 0\.9: such a share of all requests never returns"):
        retry(leaf({4.0: 1}), timeout=2.0, retries=0).blame(0.9)


def test_no_data():
    empty, x = Histogram().dist(), leaf({1.0: 1})
    for found in (seq(empty, x).blame(0.9), empty.blame(t=1.0), seq(x, x).blame(0.9, instead={x: empty})):
        assert len(found) == 0 and math.isnan(found.t) and found.slow.why == "no data"
        assert "no data" in str(found) and repr(found) == "<Blame: no data>"


def test_shown():
    x, y = lognormal(0.01, 1.0), lognormal(0.02, 0.5, seed=2)
    found = seq(x, y).blame(0.99, names={x: "api", y: "db"}, instead={y: x})
    text = str(found)
    assert text.splitlines()[0].startswith("Blame: p99 ") and "% of all requests" in text.splitlines()[0]
    assert {"slowest", "necessary", "saved"} <= set(text.split())
    assert "as given" in text and " at " in text
    assert "api" in found._repr_html_() and "most necessary: api" in repr(found)
    assert str(found["api"]).startswith("api: slowest ")


@pytest.mark.parametrize("where", [{"q": 0.99}, {"t": 2.0**64}])
def test_values_beyond_the_last_bucket_are_the_cause(where):
    """A tenth of the calls of one leaf takes 2**70 s: longer than any point of the grid, and than 2**64."""
    over, fast = (
        Histogram.from_values([0.01] * 900 + [2.0**70] * 100).dist(),
        Histogram.from_values([0.02] * 1_000).dist(),
    )
    found = seq(over, fast).blame(**where, names={over: "over"})
    assert found.t == 2.0**64 and float(found.slow) == pytest.approx(0.1)
    assert found[0].name == "over" and found["over"].slowest == found["over"].necessary == found["over"].saved == 1


def test_warnings_point_to_the_callers_line():
    few = [Histogram.from_values([1.0 + k, 2.0 + k, 3.0 + k]).dist() for k in range(2)]
    with pytest.warns(TailWarning, match="few") as caught:
        seq(*few).blame(0.99)
    assert [one.filename for one in caught] == [__file__]
    with pytest.warns(TailWarning) as caught:
        seq(*(Histogram.from_values([one]).dist() for one in (1.0, 2.0))).blame(t=2.0)  # whose medians are unknown
    assert [one.filename for one in caught] == [__file__]
