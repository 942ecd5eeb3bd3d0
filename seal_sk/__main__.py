"""``python -m seal_sk`` is ``seal-sk``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
