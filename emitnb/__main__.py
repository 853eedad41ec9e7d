"""``python -m emitnb``: the ``emitnb`` command."""

import sys

from emitnb.cli import main

if __name__ == "__main__":
    sys.exit(main())
