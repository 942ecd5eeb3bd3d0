"""Run ``seal-sk`` by ``python -m seal_sk``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
