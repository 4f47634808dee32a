"""Exceptions at each step of the package's code, as a signal handler raises them.

A handler runs between two steps of Python code.  A trace function does, too, so it stands for one: at each line in
turn, or at each instruction, it raises.  A profile function stands for one that runs when a function of C has returned,
before the result is stored.  No handler runs just before a function returns, so neither does this.
"""

import dis
import itertools
import sys
import threading

from historian import CorruptFileError

RETURNS = ("RETURN_VALUE", "RETURN_CONST", "POP_BLOCK")


class Late(TimeoutError):
    pass


KINDS = [TimeoutError, Late, FileNotFoundError, FileExistsError, PermissionError, InterruptedError, OSError, ValueError]
KINDS += [UnicodeError, OverflowError, KeyError, IndexError, TypeError, RecursionError, KeyboardInterrupt]


def new_error(n):
    if n % (len(KINDS) + 1) == len(KINDS):
        return CorruptFileError("path", "reason of a handler")
    return KINDS[n % (len(KINDS) + 1)]("of a handler")


def warm_up():
    """Ask for instructions once: CPython 3.12.1 reports none of the first function that is traced so."""

    def trace(frame, kind, arg):
        frame.f_trace_opcodes = True
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    (lambda: None)()
    sys.settrace(before)


warm_up()


def interrupted(work, step, error, event):
    """Do the work; raise an error at a step of the package.  Return the result, the exception, and the steps."""
    steps = itertools.count()
    result = caught = None

    def trace(frame, kind, arg):
        if frame.f_globals.get("__name__", "").partition(".")[0] not in ("historian", "json", "os"):
            return None
        frame.f_trace_opcodes = event == "opcode"
        returns = kind == "opcode" and dis.opname[frame.f_code.co_code[frame.f_lasti]] in RETURNS
        if kind == event and not returns and next(steps) == step:
            sys.setprofile(None)
            raise error
        return trace

    def run():
        nonlocal result, caught
        if event == "c_return":
            sys.setprofile(trace)
        else:
            sys.settrace(trace)
        try:
            result = work()
        except BaseException as raised:
            caught = raised
        finally:
            sys.setprofile(None)
            sys.settrace(None)

    # An exception of a trace function may leave behind that another one is being handled, in its thread.
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return result, caught, next(steps)


def at_each_step(prepare, check, event="line", stride=1):
    """Call ``check(n, work, error, result, caught)`` for an error at each step of the work that `prepare` returns."""
    for n in range(0, 5_000 * stride, stride):
        error = new_error(n // stride)
        work = prepare(n)
        result, caught, steps = interrupted(work, n, error, event)
        raised = steps > n
        assert caught is (error if raised else None), f"step {n}: {error!r} became {caught!r}, result {result!r}"
        check(n, result, caught)
        del caught, result
        if not raised:
            return n
    raise AssertionError("it never ends")
