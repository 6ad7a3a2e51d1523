"""Pages are tests: the plugin lives in tests/snippets.py and is loaded from here so that plain `pytest` finds it."""

pytest_plugins = ["tests.snippets"]
