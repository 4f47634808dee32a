/* Generators and coroutines, in the parts of CPython's C API that Cython does not cover. */
#ifndef HISTORIAN_STEPS_H
#define HISTORIAN_STEPS_H

#include <Python.h>

#include "cpython.h"
#include "platform.h"

enum { HISTORIAN_NO_STEPS, HISTORIAN_GENERATOR, HISTORIAN_AWAITABLE_GENERATOR, HISTORIAN_COROUTINE };

/* Return which of these an object is: one that a function in Python has returned, no other object like it. */
static inline int historian_kind_of_steps(PyObject *object) {
    int flags;
    if (PyCoro_CheckExact(object)) return HISTORIAN_COROUTINE;
    if (!PyGen_CheckExact(object)) return HISTORIAN_NO_STEPS;
#if PY_VERSION_HEX >= 0x030C0000
    PyCodeObject *code = PyGen_GetCode((PyGenObject *)object);
    flags = code->co_flags;
    Py_DECREF(code);
#else
    flags = ((PyCodeObject *)((PyGenObject *)object)->gi_code)->co_flags;
#endif
    return flags & CO_ITERABLE_COROUTINE ? HISTORIAN_AWAITABLE_GENERATOR : HISTORIAN_GENERATOR;
}

/* Have StopIteration raised with a value, whose reference this takes; for None, only if `always`. Return NULL. */
static PyObject *historian_stop(PyObject *value, int always) {
    if (value == Py_None) {
        if (always) PyErr_SetNone(PyExc_StopIteration);
    } else if (PyTuple_Check(value) || PyExceptionInstance_Check(value)) {
        PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, value); /* else it would be taken apart */
        if (stop) PyErr_SetObject(PyExc_StopIteration, stop);
        Py_XDECREF(stop);
    } else {
        PyErr_SetObject(PyExc_StopIteration, value);
    }
    Py_DECREF(value);
    return NULL;
}

/* Do one step, as tp_iternext does. */
static inline PyObject *historian_next(PyObject *steps) {
    PyObject *result;
    if (HISTORIAN_LIKELY(Py_TYPE(steps)->tp_iternext)) return Py_TYPE(steps)->tp_iternext(steps);
    switch (PyIter_Send(steps, Py_None, &result)) { /* a coroutine has no iterator */
    case PYGEN_NEXT: return result;
    case PYGEN_RETURN: return historian_stop(result, 0);
    default: return NULL;
    }
}

static PyObject *historian_throw(PyObject *steps, PyObject *args) {
    PyObject *method = PyObject_GetAttrString(steps, "throw"), *result;
    if (!method) return NULL;
    result = PyObject_Call(method, args, NULL);
    Py_DECREF(method);
    return result;
}

static PyObject *historian_close_steps(PyObject *steps) { return PyObject_CallMethod(steps, "close", NULL); }

/* Whether no step is left, given the exception that is set, or none, after one that has raised it. Keeps the exception.
 * A generator that has ended has no frame. */
static int historian_are_over(PyObject *steps) {
    PyObject *type, *error, *traceback, *frame;
    int over;
    if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_StopIteration)) return 1;
    PyErr_Fetch(&type, &error, &traceback);
    frame = PyObject_GetAttrString(steps, PyObject_HasAttrString(steps, "cr_frame") ? "cr_frame" : "gi_frame");
    over = frame == Py_None;
    Py_XDECREF(frame);
    PyErr_Clear();
    PyErr_Restore(type, error, traceback);
    return over;
}

/* Whether the exception that is set, if there is one, says that something has failed. A generator that is closed early
 * has not: its consumer needs no more values. */
static int historian_has_failed(void) {
    if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_StopIteration) || PyErr_ExceptionMatches(PyExc_GeneratorExit))
        return 0;
    return !historian_is_exiting_well();
}

/* For Cython, which then lets the exception pass that is set. */
static inline int historian_raise(void) { return -1; }

/* Steps of generators and coroutines check how deeply they are nested. Before one of other steps, have it checked:
 * return whether that is too deep, with RecursionError set. */
static inline int historian_check_depth(PyObject *steps) {
    if (HISTORIAN_LIKELY(PyGen_CheckExact(steps) || PyCoro_CheckExact(steps))) return 0;
    return Py_EnterRecursiveCall(" in a timed call");
}

static inline void historian_leave_depth(PyObject *steps) {
    if (HISTORIAN_UNLIKELY(!(PyGen_CheckExact(steps) || PyCoro_CheckExact(steps)))) Py_LeaveRecursiveCall();
}

/* Have `next` and `send` do the steps of `type`. Cython would call them through Python, or has no syntax for them. */
static inline void historian_set_steps(PyTypeObject *type, PyObject *(*next)(PyObject *),
                                       PySendResult (*send)(PyObject *, PyObject *, PyObject **)) {
    static PyAsyncMethods only_send;
    only_send.am_send = send;
    if (type->tp_as_async)
        type->tp_as_async->am_send = send;
    else
        type->tp_as_async = &only_send;
    type->tp_iternext = next;
    PyType_Modified(type);
}

#endif
