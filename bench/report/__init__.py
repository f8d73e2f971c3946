"""From run files to pages, tables and charts."""
