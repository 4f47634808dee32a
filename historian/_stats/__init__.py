"""Statistics: probabilities and their inverses, as exact as float64 allows.  Nothing here depends on histograms.

- `beta`: the incomplete beta function and its inverse, for floats; without numpy.
- `beta_arrays`: the same for numpy arrays.
- `series`: the parts of both: compensated arithmetic, expansions, the nodes of a quadrature.
- `normal`: the normal distribution.  `student`: Student's t.
"""
