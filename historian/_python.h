/* What the core needs of CPython below the level of Cython: numbers in, the clock, and the vectorcall slot. */
#ifndef HISTORIAN_PYTHON_H
#define HISTORIAN_PYTHON_H

#include <Python.h>
#include <stdint.h>
#if defined(__linux__)
#include <time.h>
#endif

/* Whether holding the GIL keeps other threads out. */
#ifdef Py_GIL_DISABLED
#define HISTORIAN_HAS_GIL 0
#else
#define HISTORIAN_HAS_GIL 1
#endif

/* A real number as float64. -1 with an exception set if it is none; a -1 without one is just a negative number. */
static inline double historian_as_double(PyObject *number) {
    if (PyFloat_CheckExact(number)) return PyFloat_AS_DOUBLE(number);
    if (PyLong_CheckExact(number)) {
#if PY_VERSION_HEX >= 0x030C0000
        if (PyUnstable_Long_IsCompact((PyLongObject *)number))
            return (double)PyUnstable_Long_CompactValue((PyLongObject *)number);
#else
        const digit *digits = ((PyLongObject *)number)->ob_digit;
        if (Py_SIZE(number) == 1) return (double)digits[0];
        if (Py_SIZE(number) == 2) return (double)((int64_t)digits[1] << PyLong_SHIFT | (int64_t)digits[0]);
#endif
        return PyLong_AsDouble(number);
    }
    return PyFloat_AsDouble(number); /* float subclasses (numpy.float64), then __float__, then __index__ */
}

/* Nanoseconds on the clock of time.perf_counter_ns(), so that its readings and ours can be mixed. */
static inline int64_t historian_now(void) {
#if defined(__linux__)
    struct timespec now; /* what CPython itself reads there */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
#elif PY_VERSION_HEX >= 0x030D0000
    PyTime_t now;
    (void)PyTime_PerfCounterRaw(&now);
    return now;
#else
    return _PyTime_GetPerfCounter();
#endif
}

/* Make `type` callable by vectorcall, through the function pointer at `offset` in its instances, and, put in a class,
 * a method that is called without making a bound method first. Cython has no syntax for either. */
static inline void historian_set_vectorcall(PyTypeObject *type, Py_ssize_t offset) {
    type->tp_vectorcall_offset = offset;
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR;
    PyType_Modified(type);
}

#endif
