# Counts as the buckets of a Prometheus histogram.

def native_buckets(Counts counts not None, bytes slots not None, bytes bounds not None, /):
    """Return the fields of a Prometheus histogram that hold its buckets, classic and native ones, in protobuf.

    `slots` has an int32 for each classic bucket, the last slot that it counts.  `bounds` has the bytes of its upper
    bound: see native_buckets.h.  O(slots).  Raises ValueError unless both have the same number.
    """
    cdef historian_running running
    cdef size_t edges = <size_t>len(slots) // sizeof(int32_t), length
    cdef uint8_t *out
    if <size_t>len(slots) != edges * sizeof(int32_t) or <size_t>len(bounds) != edges * HISTORIAN_EDGE_NBYTES:
        raise ValueError(f"{len(slots)} bytes of slots do not fit {len(bounds)} bytes of bounds")
    running.totals, running.first, running.length = counts.totals, counts.first, counts.length
    out = <uint8_t *>malloc(HISTORIAN_NATIVE_NBYTES(counts.length, edges))
    if out is NULL:
        raise MemoryError()
    try:
        length = historian_put_native(
            out, &running, <const int32_t *><const char *>slots, <const uint8_t *><const char *>bounds, edges
        )
        return (<const char *>out)[:length]
    finally:
        free(out)
