"""The folder a student works in: files, progress, and what is never overwritten."""
