"""The child process: it builds one model, verifies or trains it, and reports."""
