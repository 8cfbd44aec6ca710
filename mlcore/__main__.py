"""Entry point of `python -m mlcore`."""

import sys

from mlcore.cli import main
from mlcore.memory import keep_freed_memory

if __name__ == "__main__":
    keep_freed_memory()
    sys.exit(main())
