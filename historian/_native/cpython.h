/* What the core needs of CPython below the level of Cython: numbers in, and the vectorcall slot. */
#ifndef HISTORIAN_PYTHON_H
#define HISTORIAN_PYTHON_H

#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "platform.h"

/* Whether holding the GIL keeps other threads out. With HISTORIAN_FREE_THREADED (see setup.py) nothing relies on that,
 * though there may be one. */
#if defined(Py_GIL_DISABLED) || defined(HISTORIAN_FREE_THREADED)
#define HISTORIAN_HAS_GIL 0
#else
#define HISTORIAN_HAS_GIL 1
#endif

/* Whether each interpreter of the process has its own GIL and its own types: see setup.py. A function then finds its types
 * by a look-up that takes 20 ns. */
#if CYTHON_USE_MODULE_STATE
#define HISTORIAN_ISOLATED 1
#else
#define HISTORIAN_ISOLATED 0
#endif

/* Return a new object of a type that takes no arguments. */
static inline PyObject *historian_new_object(PyTypeObject *type) {
    PyObject *nothing = PyTuple_New(0), *made = nothing ? type->tp_new(type, nothing, NULL) : NULL;
    Py_XDECREF(nothing);
    return made;
}

/* The prefix that says so of a buffer's format in this machine's own order of bytes. */
#define HISTORIAN_NATIVE_ORDER (PY_BIG_ENDIAN ? '>' : '<')

/* A real number as float64. -1 with an exception set if it is none; a -1 without one is just a negative number. */
static inline double historian_as_double(PyObject *number) {
    if (HISTORIAN_LIKELY(PyFloat_CheckExact(number))) return PyFloat_AS_DOUBLE(number);
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
    if (PyFloat_Check(number)) return PyFloat_AS_DOUBLE(number); /* numpy.float64 */
    if (strncmp(Py_TYPE(number)->tp_name, "numpy.timedelta64", 17) == 0 ||
        strncmp(Py_TYPE(number)->tp_name, "numpy.complex", 13) == 0) {
        PyErr_SetString(PyExc_TypeError, "not a real number"); /* though their __float__ would lose what they are */
        return -1;
    }
    return PyFloat_AsDouble(number); /* __float__, then __index__ */
}

/* An int as ns on the clock; -1 if it is negative or beyond 64 bits, -2 if it is no int. Sets no exception. */
static inline int64_t historian_as_ns(PyObject *token) {
    int overflow;
    long long ns;
#if PY_VERSION_HEX < 0x030C0000
    if (HISTORIAN_LIKELY(PyLong_CheckExact(token) && Py_SIZE(token) == 2)) /* a second to 36 years */
        return (int64_t)((PyLongObject *)token)->ob_digit[1] << PyLong_SHIFT |
               (int64_t)((PyLongObject *)token)->ob_digit[0];
#endif
    if (!PyLong_Check(token)) return -2;
    ns = PyLong_AsLongLongAndOverflow(token, &overflow);
    return overflow || ns < 0 ? -1 : ns;
}

/* Make `type` callable by vectorcall, through the function pointer at `offset` in its instances. With `is_method`, one
 * that is put in a class is called without making a bound method first. Cython has no syntax for either. */
static inline void historian_set_vectorcall(PyTypeObject *type, Py_ssize_t offset, int is_method) {
    type->tp_vectorcall_offset = offset;
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    if (is_method) type->tp_flags |= Py_TPFLAGS_METHOD_DESCRIPTOR;
    PyType_Modified(type);
}

#endif
