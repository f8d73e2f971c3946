"""`python -m bench`."""

import sys

if __name__ == "__main__":
    try:
        from bench.cli.main import start
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "bench":
            raise
        print(
            f"error: {error.name} is not installed for {sys.executable}; expected what the harness "
            'needs: python -m pip install -e ".[cpu]", or call it by tox (see README.md)',
            file=sys.stderr,
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    start()
