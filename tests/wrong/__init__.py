"""Deliberately wrong models: what a backend must not do, each a few lines from an honest one."""
