"""`python -m peavine` is `peavine`."""

import io
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from peavine import cli

    if isinstance(sys.stdout, io.TextIOWrapper):
        # Documents may say what a terminal's encoding cannot.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(cli.main())


if __name__ == "__main__":
    main()
