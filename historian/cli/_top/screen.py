"""`watch_on_screen`: show frames on the whole terminal with curses, follow its size, and restore it at the end."""

from __future__ import annotations

import curses
import select
import sys
import time

from .frame import Frame
from .past import Past
from .watch import Look, Watch

__all__ = ["watch_on_screen"]

#: Sort order of each key.  `HELP`, the last line of the screen, lists the keys.
KEYS = {"r": "rate", "p": "p99", "m": "max", "s": "sum", "n": "name"}
HELP = "sort by: r rate  p p99  m max  s sum  n name    q quits"
#: In a history: how many intervals further each key goes.
TRAVEL = {curses.KEY_LEFT: -1, curses.KEY_RIGHT: 1}
TRAVEL_HELP = "    left, right: time"
QUIT = (ord("q"), ord("Q"))
STYLES = {"title": curses.A_BOLD, "header": curses.A_REVERSE, "idle": curses.A_DIM, "note": curses.A_DIM}


def watch_on_screen(watch: Watch | Past, frame: Frame, sort: str, interval: float, count: float) -> None:
    """Show `count` frames, one every `interval` seconds, or until the user quits.

    The terminal is always restored, even after an exception or a signal that raises one.  Raises curses.error if
    curses cannot use the terminal.
    """
    try:
        curses.wrapper(lambda window: _Screen(window, frame, sort, watch).run(interval, count))
    except curses.error:
        if not _hung_up():  # if the terminal is gone, there is nothing to restore
            raise


class _Screen:
    """The contents of the terminal."""

    def __init__(self, window: curses.window, frame: Frame, sort: str, watch: Watch | Past) -> None:
        self._window = window
        self._frame = frame
        self._sort = sort
        self._watch = watch
        self._top = 0  # index of the first line shown below the title
        try:
            curses.curs_set(0)
            curses.use_default_colors()
        except curses.error:
            pass  # the terminal does not support this

    def run(self, interval: float, count: float) -> None:
        """Show frames until `count` are shown or the user quits."""
        due = time.monotonic()
        while count > 0:
            look = self._watch.look()
            if look.seconds == look.seconds:
                count -= 1
            due = max(due + interval, time.monotonic())
            if not self._wait(look, due):
                return

    def _wait(self, look: Look, until: float) -> bool:
        """Show a look and handle keys until the time `until`; return whether to continue."""
        self._draw(look)
        while (left := until - time.monotonic()) > 0:
            self._window.timeout(max(1, round(1000 * left)))
            key = self._window.getch()
            if key in QUIT:
                return False
            if key in TRAVEL and isinstance(self._watch, Past):
                look = self._watch.moved(TRAVEL[key])
                self._draw(look)
            elif key != curses.ERR:
                self._handle(key)
                self._draw(look)
            elif _hung_up():
                return False
        return True

    def _handle(self, key: int) -> None:
        page = max(1, self._window.getmaxyx()[0] - 3)
        steps = {curses.KEY_UP: -1, curses.KEY_DOWN: 1, curses.KEY_PPAGE: -page, curses.KEY_NPAGE: page}
        self._top += steps.get(key, 0)
        if key == curses.KEY_HOME:
            self._top = 0
        if 0 <= key < 128 and chr(key).lower() in KEYS:
            self._sort, self._top = KEYS[chr(key).lower()], 0

    def _draw(self, look: Look) -> None:
        height, width = self._window.getmaxyx()
        title, *lines = self._frame.lines(look, self._sort, width)
        self._top = max(0, min(self._top, len(lines) - (height - 2)))
        shown = lines[self._top : self._top + max(0, height - 2)]
        below = len(lines) - self._top - len(shown)
        self._window.erase()
        for y, line in enumerate([title, *shown]):
            self._put(y, line.text, STYLES.get(line.kind, curses.A_NORMAL))
        arrows = f"    arrows: {below:,} more" if below else "    arrows: back" if self._top else ""
        travel = TRAVEL_HELP if isinstance(self._watch, Past) else ""
        self._put(
            height - 1, f"{HELP}{travel}{arrows}"[: width - 1], curses.A_DIM
        )  # curses cannot write the very last cell
        self._window.refresh()

    def _put(self, y: int, text: str, style: int) -> None:
        try:
            self._window.addstr(y, 0, text, style)
        except curses.error:
            pass  # the window has just become smaller


def _hung_up() -> bool:
    """Return whether the terminal is gone, for example because its window was closed."""
    poll = select.poll()
    poll.register(sys.stdin.fileno(), 0)  # 0: report hang-ups and errors only
    return bool(poll.poll(0))
