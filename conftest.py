"""Pages are tests. The plugin in tests/snippets.py is loaded from here, so that plain `pytest` finds it."""

pytest_plugins = ["tests.snippets"]
