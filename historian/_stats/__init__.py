"""Numbers about numbers: probabilities and their inverses, as exact as float64 allows.  Knows no histogram.

- `beta`: the incomplete beta function and its inverse, of floats; without numpy.
- `beta_arrays`: the same of numpy arrays.
- `series`: what both are made of: compensated arithmetic, expansions, the nodes of a quadrature.
- `normal`: the normal distribution.  `student`: Student's t.
"""
