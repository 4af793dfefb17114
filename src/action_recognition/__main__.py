"""`python -m action_recognition`: the command line."""

import sys

from action_recognition.cli import main

if __name__ == "__main__":
    sys.exit(main())
