"""What was measured: records, statistics, comparison, and what speaks against a row."""
