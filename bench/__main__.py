"""`python -m bench`."""

from bench.cli import start

if __name__ == "__main__":
    start()
