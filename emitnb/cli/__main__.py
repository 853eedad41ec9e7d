"""``python -m emitnb.cli`` is the ``emitnb`` command."""

import sys

from emitnb.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
