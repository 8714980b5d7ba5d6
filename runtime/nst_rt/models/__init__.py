"""The bundled model files, and the catalog that finds models by name or path."""
