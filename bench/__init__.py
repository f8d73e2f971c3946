"""The reference comparison of deep-learning backends on one exactly specified piece of work."""

from pathlib import Path

__version__ = "0.2.0"
ROOT = Path(__file__).resolve().parents[1]  # the checkout, or the folder that it is installed in
