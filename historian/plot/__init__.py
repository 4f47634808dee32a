"""Pictures of histograms, drawn by matplotlib: the extra ``plot``.

==================================  ==================================================================
to see                              use
==================================  ==================================================================
percentiles, far into the tail      `percentiles`
where values are, one mode or two   `density`, also ``histogram.plot()``
the share above any time            `survival`
how this changed over time          `heatmap`
percentiles over time               `over_time`
what users of many calls wait       `fanout`
a comparison                        `shift`
throughput against concurrency      `scalability`
the parts of a request              `tree`
==================================  ==================================================================

Each function draws into `ax`, axes of matplotlib, by default into those of a new figure of pyplot.  It returns the
artists that it drew, as a list: ``artists[0].axes.figure.savefig("picture.svg")``.  `percentiles`, `density`,
`survival` and `fanout` take one histogram, a mapping of names or keys to histograms, such as a snapshot of a registry,
or a list.  All must be in one unit.  What is empty is not drawn; if all are empty, the picture says "no data".

Times have their unit at each tick of an axis, other units are in its label.  A band is an interval.  If it has no
upper or no lower bound, it is hatched and goes on to the edge of the picture.  Colours can be told apart by people with
colour blindness, and on light and dark backgrounds; lines differ by their style, too.  The colours of texts are those
of matplotlib's style.

Without matplotlib, each function raises ImportError, which names the extra.  Each takes at most 0.15 s, a tree of many
parts more, without the time that matplotlib takes to render.

>>> from historian import Histogram, plot
>>> h = Histogram.from_values([0.010] * 9_900 + [1.0] * 100)
>>> curve = plot.percentiles(h)[0]
>>> curve.axes.get_xlabel(), float(curve.get_ydata()[-1])
('percentile', 1.0)
"""

from ._density import density
from ._fanout import fanout
from ._heatmap import heatmap
from ._over_time import over_time
from ._percentiles import percentiles
from ._scalability import scalability
from ._shift import shift
from ._survival import survival
from ._tree import tree

__all__ = ["density", "fanout", "heatmap", "over_time", "percentiles", "scalability", "shift", "survival", "tree"]
