"""The reference comparison of deep-learning backends on one exactly specified piece of work."""

__version__ = "0.1.0"
