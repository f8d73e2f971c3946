"""Install what a backend's header asks for: `python -m tests.install_backend NAME`.

Used by `tox run -e backend -- NAME`, which gives every backend an environment of its own.
"""

import subprocess
import sys

from bench.run.backends import discover
from bench.run.choices import unknown


def main() -> None:
    """Install the dependencies of the backend that the first argument names."""
    backends = discover()
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in backends:
        sys.exit(f"error: {unknown('backend', name, list(backends))}")
    command = [sys.executable, "-m", "pip", "install", *backends[name].dependencies]
    sys.exit(subprocess.call(command))


if __name__ == "__main__":
    main()
