"""Make pages and notebooks of the exercises from their folders."""
