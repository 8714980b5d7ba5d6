"""The files of an export: models and what lies beside them, and the table of named styles."""
