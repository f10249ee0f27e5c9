"""`python -m mgconv` is the command `mgconv`."""
import sys

from mgconv.cli import main

if __name__ == "__main__":
    sys.exit(main())
