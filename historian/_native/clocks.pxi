# The clock of timers, and how a time is recorded.

from io import open  # Cython would cache the builtin for all interpreters of the process

cdef extern from "_native/clock.h":
    enum: HISTORIAN_HAS_TICKS
    int64_t historian_now()  # needs the GIL
    int64_t historian_monotonic() nogil
    void historian_use_ticks(bint usable)


cdef bint kernel_trusts_ticks():
    """Return whether Linux derives its monotonic clock from the processor's time stamp counter."""
    try:
        with open("/sys/devices/system/clocksource/clocksource0/current_clocksource", "rb") as source:
            return source.read().strip() == b"tsc"
    except OSError:
        return False


if HISTORIAN_HAS_TICKS:
    historian_use_ticks(kernel_trusts_ticks())

cdef enum:
    CLOCK_SLACK_NS = 1000  # our clock and time.perf_counter_ns() differ by less than this


cdef inline int check_time(Counters counters) except -1:
    if counters.ns_per_unit == 0:
        historian_refuse_unit()
    return 0


cdef str unit_of_time(Counters counters):
    """Return the name of the unit, which is one of time."""
    return {1.0: "ns", 1e3: "us", 1e6: "ms"}.get(counters.ns_per_unit, "s")


cdef inline void record_time(Counters counters, int64_t ns) noexcept:
    ns = ns if ns > 0 else 0  # can be negative, because the clock is read without a fence
    record_held(counters, <double>ns / counters.ns_per_unit)
