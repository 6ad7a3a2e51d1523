"""Make notebooks from pages."""
