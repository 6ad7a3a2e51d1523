"""The commands of `hooking`, one file each; `tutorial_lib.cli` puts them together.

No file here imports torch at its top, so that `hooking --help` answers at once.
"""
