"""Files: names, folders, atomic writing, errors of access."""
