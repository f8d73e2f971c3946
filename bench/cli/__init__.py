"""The commands and their options: the only code that prints or exits."""
