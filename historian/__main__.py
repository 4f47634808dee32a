"""``python -m historian`` is the ``historian`` command."""

import sys

from historian.cli import main

if __name__ == "__main__":
    sys.exit(main())
