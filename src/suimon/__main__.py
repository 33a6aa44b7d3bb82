"""``python -m suimon``: the ``suimon`` command, as torchrun's ``-m`` starts it too."""

import sys

from suimon.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
