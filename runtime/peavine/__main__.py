"""`python -m peavine` is `peavine`."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from peavine import cli

    sys.exit(cli.main())


if __name__ == "__main__":
    main()
