"""Pages are tests. The plugins for them are loaded from here, so that plain `pytest` finds them."""

pytest_plugins = ["tools.pages.snippets", "tools.pages.block_report", "tests.turns"]
