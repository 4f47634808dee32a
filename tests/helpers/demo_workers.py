"""What worker processes of the tests of `historian demo` run; in a module that they can import by name."""

import os
import signal


def succeed(parent, value):
    parent.send(("ready", None))
    parent.recv()
    parent.send(("queries", 1))
    return value


def raise_at_once(parent, *ignored):
    raise ZeroDivisionError("on purpose")


def raise_at_work(parent):
    parent.send(("ready", None))
    parent.recv()
    raise ZeroDivisionError("on purpose")


def exit_at_once(parent):
    os._exit(3)


def exit_at_work(parent):
    parent.send(("ready", None))
    parent.recv()
    os._exit(3)


def say_nothing(parent):
    parent.recv()


def wait_to_be_killed(parent):
    parent.send(("ready", None))
    parent.recv()
    while True:
        signal.pause()
