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

/* Whether an object is of a class of this name, or of one below it. Neither imports its module nor calls its code. */
static int historian_is_a(PyObject *object, const char *name) {
    const PyTypeObject *type = Py_TYPE(object);
    while (type && strcmp(type->tp_name, name) != 0) type = type->tp_base;
    return type != NULL;
}

/* A float64 that is no value, and says so: historian_as_double returns it for an object that is not a real number. No
 * computation gives a NaN with these bits. */
#define HISTORIAN_NOT_A_NUMBER 0x7ffdead0be57a11dULL

/* Return whether an object has a length, as arrays of numpy and other libraries have; -1 with an exception if it raises
 * one. A scalar of such a library has none: it raises TypeError. */
static int historian_has_length(PyObject *object) {
    PySequenceMethods *sequence = Py_TYPE(object)->tp_as_sequence;
    PyMappingMethods *mapping = Py_TYPE(object)->tp_as_mapping;
    if (!(sequence && sequence->sq_length) && !(mapping && mapping->mp_length)) return 0;
    if (PyObject_Size(object) >= 0) return 1;
    if (PyErr_Occurred() != PyExc_TypeError) return -1; /* an error of its own, or of a signal handler */
    PyErr_Clear();
    return 0;
}

/* A number that is neither an int nor a float, as float64; see historian_as_double. */
static double historian_other_as_double(PyObject *number) {
    const uint64_t none = HISTORIAN_NOT_A_NUMBER;
    const PyNumberMethods *methods = Py_TYPE(number)->tp_as_number;
    double not_a_number;
    int has_length;
    memcpy(&not_a_number, &none, sizeof none);
    if (!methods || !(methods->nb_float || methods->nb_index)) return not_a_number;
    /* The __float__ of these types would lose their unit or their imaginary part. An array of one element has a
     * __float__ in some versions of numpy only. */
    if (strncmp(Py_TYPE(number)->tp_name, "numpy.timedelta64", 17) == 0 ||
        strncmp(Py_TYPE(number)->tp_name, "numpy.datetime64", 16) == 0 ||
        strncmp(Py_TYPE(number)->tp_name, "numpy.complex", 13) == 0)
        return not_a_number;
    has_length = historian_has_length(number);
    if (has_length) return has_length < 0 ? -1 : not_a_number;
    return PyFloat_AsDouble(number); /* __float__, then __index__ */
}

/* An int as float64; infinite if it is too large. */
static double historian_int_as_double(PyObject *number) {
    int overflow;
    double value = PyLong_AsDouble(number);
    if (value != -1 || !PyErr_Occurred()) return value;
    PyErr_Clear(); /* an OverflowError: ints run none of the caller's code */
    (void)PyLong_AsLongLongAndOverflow(number, &overflow);
    return overflow < 0 ? -Py_HUGE_VAL : Py_HUGE_VAL;
}

/* Whether a number is a float, or an int from 1 on with one digit or two, as CPython stores ints: then `*value` is it,
 * as float64. Most calls pass one of these, so it is done in a few instructions. */
HISTORIAN_INLINE int historian_is_plain(PyObject *number, double *value) {
    if (PyFloat_CheckExact(number)) {
        *value = PyFloat_AS_DOUBLE(number);
        return 1;
    }
    if (PyLong_CheckExact(number)) {
        const PyLongObject *whole = (const PyLongObject *)number;
#if PY_VERSION_HEX >= 0x030C0000
        const digit *digits = whole->long_value.ob_digit;
        const uintptr_t tag = whole->long_value.lv_tag, one = 1u << _PyLong_NON_SIZE_BITS; /* the digits; sign bits 0 */
#else
        const digit *digits = whole->ob_digit;
        const Py_ssize_t tag = Py_SIZE(number), one = 1;
#endif
        if (HISTORIAN_LIKELY(tag == one)) {
            const digit only = *(const volatile digit *)digits; /* to convert it in memory takes longer on a Zen 4 */
            *value = (double)(int32_t)only;                     /* below 2^30; signed, which takes less to convert */
            return 1;
        }
        if (tag == 2 * one) {
            *value = (double)((int64_t)digits[1] << PyLong_SHIFT | (int64_t)digits[0]);
            return 1;
        }
    }
    return 0;
}

/* A real number as float64; HISTORIAN_NOT_A_NUMBER for another object. An exception is set, beside -1, only if the
 * object raised it: it must pass as it is. Without an exception, -1 is just -1. */
static inline double historian_as_double(PyObject *number) {
    double value;
    if (HISTORIAN_LIKELY(historian_is_plain(number, &value))) return value;
    if (PyFloat_Check(number)) return PyFloat_AS_DOUBLE(number); /* numpy.float64 */
    if (PyLong_Check(number) &&
        Py_TYPE(number)->tp_as_number->nb_float == PyLong_Type.tp_as_number->nb_float) /* int, bool, enum.IntEnum */
        return historian_int_as_double(number);
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

/* ---- methods with keywords, called without them ----
 *
 * Cython's code for a method that takes keywords looks for them in each call. `record` and `time` are called without
 * theirs nearly always, so their calls come here first. What Cython made of them gets all others, and the wrong ones.
 */

/* A method in C with keywords. */
typedef PyObject *(*historian_method)(PyObject *, PyObject *const *arguments, Py_ssize_t n, PyObject *keywords);
typedef PyObject *(*historian_record_method)(PyObject *counters, PyObject *value);
typedef PyObject *(*historian_time_method)(PyObject *counters);

/* What Cython made of a method. Set when the module is imported; the same for all interpreters, as are those below. */
typedef struct {
    historian_method any;
    vectorcallfunc call_any; /* how Python calls it as a descriptor */
} historian_made;

static historian_made historian_record_made, historian_time_made;
static historian_record_method historian_record_one;   /* the method, for one argument */
static historian_record_method historian_record_other; /* likewise, for those that it leaves to this one */
static historian_time_method historian_time_alone;     /* the method, without arguments */

/* Record what historian_record_one does not record in a few instructions. Called by a pointer, or it would become part
 * of that function, which then would save registers in each call. */
HISTORIAN_COLD PyObject *historian_record_else(PyObject *counters, PyObject *value) {
    return historian_record_other(counters, value);
}

/* Whether a descriptor may be called with this object as the first argument. */
HISTORIAN_INLINE int historian_takes(PyObject *method, PyObject *object) {
    return PyObject_TypeCheck(object, ((PyMethodDescrObject *)method)->d_common.d_type);
}

/* record(value), where `record` is bound to `counters`. */
static PyObject *historian_record_bound(PyObject *counters, PyObject *const *arguments, Py_ssize_t n,
                                        PyObject *keywords) {
    if (HISTORIAN_LIKELY(n == 1 && !keywords)) return historian_record_one(counters, arguments[0]);
    return historian_record_made.any(counters, arguments, n, keywords);
}

/* counters.record(value), which makes no bound method: Python calls the one in the class, with two arguments. */
static PyObject *historian_record_unbound(PyObject *method, PyObject *const *arguments, size_t n, PyObject *keywords) {
    if (HISTORIAN_LIKELY(PyVectorcall_NARGS(n) == 2 && !keywords) && historian_takes(method, arguments[0]))
        return historian_record_one(arguments[0], arguments[1]);
    return historian_record_made.call_any(method, arguments, n, keywords);
}

/* time(), likewise. */
static PyObject *historian_time_bound(PyObject *counters, PyObject *const *arguments, Py_ssize_t n,
                                      PyObject *keywords) {
    if (HISTORIAN_LIKELY(n == 0 && !keywords)) return historian_time_alone(counters);
    return historian_time_made.any(counters, arguments, n, keywords);
}

static PyObject *historian_time_unbound(PyObject *method, PyObject *const *arguments, size_t n, PyObject *keywords) {
    if (HISTORIAN_LIKELY(PyVectorcall_NARGS(n) == 1 && !keywords) && historian_takes(method, arguments[0]))
        return historian_time_alone(arguments[0]);
    return historian_time_made.call_any(method, arguments, n, keywords);
}

/* Have a method of `type` called in these ways. Change nothing if it is not a method as those above are. Interpreters
 * that do this at the same time write the same pointers. */
static inline void historian_hasten(PyTypeObject *type, const char *name, historian_method bound,
                                    vectorcallfunc unbound, historian_made *made) {
    PyMethodDescrObject *method = (PyMethodDescrObject *)PyDict_GetItemString(type->tp_dict, name);
    const PyCFunction fast = (PyCFunction)(void (*)(void))bound;
    if (!method || !Py_IS_TYPE((PyObject *)method, &PyMethodDescr_Type)) return;
    if (method->d_method->ml_flags != (METH_FASTCALL | METH_KEYWORDS)) return;
    if (method->d_method->ml_meth != fast) { /* no other interpreter has done it, with the same definition */
        made->any = (historian_method)(void (*)(void))method->d_method->ml_meth;
        method->d_method->ml_meth = fast;
    }
    made->call_any = method->vectorcall;
    method->vectorcall = unbound;
}

static inline void historian_hasten_record(PyTypeObject *type, historian_record_method one,
                                           historian_record_method other) {
    historian_record_one = one;
    historian_record_other = other;
    historian_hasten(type, "record", historian_record_bound, historian_record_unbound, &historian_record_made);
}

static inline void historian_hasten_time(PyTypeObject *type, historian_time_method alone) {
    historian_time_alone = alone;
    historian_hasten(type, "time", historian_time_bound, historian_time_unbound, &historian_time_made);
}

/* Return a new reference to None, which is immortal from Python 3.12 on. */
HISTORIAN_INLINE PyObject *historian_none(void) {
#if PY_VERSION_HEX < 0x030C0000
    Py_INCREF(Py_None);
#endif
    return Py_None;
}

/* Whether an exception is a SystemExit of status 0: the program ends, and nothing has failed. */
static inline int historian_exits_well(PyObject *error) {
    PyObject *code;
    int well, overflow;
    if (!PyObject_TypeCheck(error, (PyTypeObject *)PyExc_SystemExit)) return 0;
    code = ((PySystemExitObject *)error)->code; /* NULL if a subclass has not called __init__ */
    well = code == NULL || code == Py_None;
    /* Not by its truth, which a class of ints may define. */
    if (!well && PyLong_Check(code)) well = PyLong_AsLongLongAndOverflow(code, &overflow) == 0;
    return well;
}

/* Likewise, of the exception that is set. */
static inline int historian_is_exiting_well(void) {
    int well;
    if (!PyErr_ExceptionMatches(PyExc_SystemExit)) return 0;
#if PY_VERSION_HEX >= 0x030C0000
    PyObject *error = PyErr_GetRaisedException();
    well = historian_exits_well(error);
    PyErr_SetRaisedException(error);
#else
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    well = historian_exits_well(error);
    PyErr_Restore(type, error, traceback);
#endif
    return well;
}

/* Whether the work of a call that returned this may still be to come: it can be awaited or iterated, or it is of a
 * class written in Python, which may be anything. */
static inline int historian_may_be_to_come(PyObject *result) {
    PyTypeObject *type = Py_TYPE(result);
    const PyAsyncMethods *async = type->tp_as_async;
    return type->tp_flags & Py_TPFLAGS_HEAPTYPE || type->tp_iternext || (async && (async->am_await || async->am_anext));
}

/* Return resume(result, into, errors, began), or NULL with an exception set. */
static inline PyObject *historian_resume(PyObject *resume, PyObject *result, PyObject *into, PyObject *errors,
                                         int64_t began) {
    PyObject *ns = PyLong_FromLongLong(began), *resumed = NULL;
    if (ns) resumed = PyObject_CallFunctionObjArgs(resume, result, into, errors, ns, NULL);
    Py_XDECREF(ns);
    return resumed;
}

#endif
