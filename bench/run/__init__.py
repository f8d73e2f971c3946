"""The parent process: what is to be done, in which order, and the children that do it."""
