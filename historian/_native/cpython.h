/* The parts of CPython's C API that Cython does not cover: fast conversion of numbers, and the vectorcall slot. */
#ifndef HISTORIAN_PYTHON_H
#define HISTORIAN_PYTHON_H

#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "platform.h"

/* Whether only one thread runs at a time while it holds the GIL. With HISTORIAN_FREE_THREADED (see setup.py) the code
 * does not rely on a GIL, even if there is one. */
#if defined(Py_GIL_DISABLED) || defined(HISTORIAN_FREE_THREADED)
#define HISTORIAN_HAS_GIL 0
#else
#define HISTORIAN_HAS_GIL 1
#endif

/* Whether each interpreter of the process has its own GIL and its own types: see setup.py. A function then needs a
 * look-up of 20 ns to find its types. */
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

/* The prefix of a buffer's format for the byte order of this machine. */
#define HISTORIAN_NATIVE_ORDER (PY_BIG_ENDIAN ? '>' : '<')

/* Whether an object has a length, as arrays of numpy and other libraries have. An array without dimensions has none. */
static int historian_has_length(PyObject *object) {
    PySequenceMethods *sequence = Py_TYPE(object)->tp_as_sequence;
    PyMappingMethods *mapping = Py_TYPE(object)->tp_as_mapping;
    if (!(sequence && sequence->sq_length) && !(mapping && mapping->mp_length)) return 0;
    if (PyObject_Size(object) >= 0) return 1;
    PyErr_Clear();
    return 0;
}

/* A number that is neither an int nor a float, as float64; see historian_as_double. */
static double historian_other_as_double(PyObject *number) {
    /* The __float__ of these types would lose their unit or their imaginary part. An array of one element has a
     * __float__ in some versions of numpy only. */
    if (strncmp(Py_TYPE(number)->tp_name, "numpy.timedelta64", 17) == 0 ||
        strncmp(Py_TYPE(number)->tp_name, "numpy.complex", 13) == 0 || historian_has_length(number)) {
        PyErr_SetString(PyExc_TypeError, "not a real number");
        return -1;
    }
    return PyFloat_AsDouble(number); /* __float__, then __index__ */
}

/* A real number as float64. If `number` is not one: -1 and an exception. Without an exception, -1 is just -1. */
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
    return historian_other_as_double(number);
}

/* An int as ns on the clock; -1 if it is negative or needs more than 64 bits, -2 if it is not an int. Sets no
 * exception. */
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

/* Raise the error for a recorder whose unit is not a unit of time. In C, since compilers would put the code that Cython
 * makes for it into each function that times. */
HISTORIAN_COLD int historian_refuse_unit(void) {
    PyErr_SetString(PyExc_ValueError, "a timer needs a recorder whose unit is 's', 'ms', 'us' or 'ns'");
    return -1;
}

/* Set the public name of a type, "module.class", and remove its __new__, so that only C code makes instances. A type on
 * the heap has its module in its __dict__ instead. Return -1 with an exception on failure. */
static inline int historian_publish(PyTypeObject *type, const char *name) {
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) type->tp_name = name;
    if (PyDict_DelItemString(type->tp_dict, "__new__") < 0) return -1;
    PyType_Modified(type);
    return 0;
}

/* Make instances of `type` callable by vectorcall, through the function pointer at `offset` in each of them. With
 * `is_method`, a call of an instance in a class makes no bound method. Cython has no syntax for either. */
static inline void historian_set_vectorcall(PyTypeObject *type, Py_ssize_t offset, int is_method) {
    type->tp_vectorcall_offset = offset;
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    if (is_method) type->tp_flags |= Py_TPFLAGS_METHOD_DESCRIPTOR;
    PyType_Modified(type);
}

#endif
