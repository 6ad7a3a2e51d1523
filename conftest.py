"""Pages are tests. The plugins for them are loaded from here, so that plain `pytest` finds them."""

pytest_plugins = ["tests.snippets", "tests.snippet_report", "tests.turns"]
