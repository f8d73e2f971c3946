"""From run files to pages, tables and charts."""

TITLE = "# Results"  # how our README.md begins: another one is somebody's own
