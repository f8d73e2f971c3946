"""The backends: one file each; a leading underscore marks code that several of them share."""
