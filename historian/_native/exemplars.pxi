# Exemplars that a recorder keeps: a dict by octave, with whatever the recorder makes of a value and its labels.

cdef int keep(dict kept, double value, exemplar) except -1:
    """Keep the exemplar of a value in place of the one of its octave.  No signal handler can come in between."""
    kept[(<int>historian_slot(historian_bits(value + 0.0)) + HISTORIAN_FIRST_INDEX - 1) >> 6] = exemplar
    return 0


cdef int keep_again(Counters self, dict found) except -1:
    """Keep exemplars that were taken, but where there are later ones."""
    cdef dict kept = self._exemplars(getpid(), True)
    for octave, one in found.items():
        kept.setdefault(octave, one)
    return 0
