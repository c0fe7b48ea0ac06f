"""`python -m emomusic`: the same as the installed command `emomusic`."""

import sys

from emomusic.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
