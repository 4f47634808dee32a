# cython: language_level=3, boundscheck=False, wraparound=False, freethreading_compatible=True
"""Costs in native code: two locked adds, one native record, one addition.  Each function returns ns per operation."""

from historian._core cimport Counters

import time

cdef extern from *:
    """
    #include <stdint.h>
    #include <stdlib.h>
    #if defined(_MSC_VER) && !defined(__clang__)
    #include <intrin.h>
    #define LOCKED_ADD(p) _InterlockedExchangeAdd64((volatile __int64 *)(p), 1)
    #else
    #define LOCKED_ADD(p) __atomic_fetch_add(p, 1, __ATOMIC_RELAXED)
    #endif
    static uint64_t locked_counters[32]; /* 256 bytes, so that [4] and [20] lie in different cache lines */
    static void two_locked_adds(Py_ssize_t times) {
        for (Py_ssize_t i = 0; i < times; i++) {
            LOCKED_ADD(&locked_counters[4]);
            LOCKED_ADD(&locked_counters[20]);
        }
    }
    static double sum_of(const double *values, Py_ssize_t n) {
        double sum = 0;
        for (Py_ssize_t i = 0; i < n; i++) sum += values[i];
        return sum;
    }
    """
    void two_locked_adds(Py_ssize_t times) nogil
    double sum_of(const double *values, Py_ssize_t n) nogil


def locked_adds(Py_ssize_t times):
    """Measure two uncontended locked adds: the least possible cost of an atomic count and an atomic sum."""
    began = time.perf_counter_ns()
    with nogil:
        two_locked_adds(times)
    return (time.perf_counter_ns() - began) / times


def record_native(Counters counters, double value, Py_ssize_t times):
    """Measure one native record, always of the same value."""
    cdef Py_ssize_t i
    began = time.perf_counter_ns()
    with nogil:
        for i in range(times):
            counters.record_native(value)
    return (time.perf_counter_ns() - began) / times


def record_native_each(Counters counters, const double[::1] values):
    """Measure one native record, of different values."""
    cdef Py_ssize_t i, n = values.shape[0]
    began = time.perf_counter_ns()
    with nogil:
        for i in range(n):
            counters.record_native(values[i])
    return (time.perf_counter_ns() - began) / n


def sum_loop(const double[::1] values):
    """Measure one addition of ``sum += x``, in order, as C requires without -ffast-math."""
    cdef double sum
    began = time.perf_counter_ns()
    with nogil:
        sum = sum_of(&values[0], values.shape[0])
    took = time.perf_counter_ns() - began
    assert sum >= 0  # this also keeps the compiler from removing the loop
    return took / values.shape[0]
