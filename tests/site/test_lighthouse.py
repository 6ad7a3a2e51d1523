"""The table of `make lighthouse`: medians, what is below a goal and why, and the exit code."""

from typing import Any

from tools.site.lighthouse import GOALS, PAGES, causes, scores, slowdown, table
from tools.site.site_server import ROOT


def report(**low: float) -> dict[str, Any]:
    """A report in which a few categories have less than 100, for the reason of one audit."""
    categories, audits = {}, {}
    for name in GOALS:
        score = low.get(name.replace("-", "_"), 100) / 100
        audits[f"of-{name}"] = {"id": f"of-{name}", "score": score, "displayValue": "1 thing"}
        audits[f"said-of-{name}"] = {"id": f"said-of-{name}", "score": 0}
        audits[f"nothing-of-{name}"] = {"id": f"nothing-of-{name}", "score": None}
        weights = {f"of-{name}": 1, f"said-of-{name}": 0, f"nothing-of-{name}": 1}
        references = [{"id": audit, "weight": weight} for audit, weight in weights.items()]
        categories[name] = {"score": score, "auditRefs": references}
    return {"categories": categories, "audits": audits}


def test_a_score_is_the_median_of_the_runs() -> None:
    runs = [report(performance=99), report(performance=60), report(performance=98, seo=90)]
    assert scores(runs) == {"performance": 98, "accessibility": 100, "best-practices": 100, "seo": 100}


def test_the_goals_reached_are_a_table_and_no_more() -> None:
    text, good = table({"home": [report(performance=99)]})
    assert good
    assert [line.split() for line in text.split("\n")] == [
        ["page", "performance", "accessibility", "best-practices", "seo"],
        ["home", "99", "100", "100", "100"],
    ]


def test_a_goal_that_is_missed_is_named_with_its_cause_and_fails() -> None:
    text, good = table({"home": [report(accessibility=99)], "atlas": [report(performance=90)]})
    assert text.split("\n")[-1] == "home: accessibility below 100: of-accessibility 99 1 thing"
    assert not good
    assert not table({"home": [report(performance=89)]})[1]


def test_only_what_is_weighed_and_judged_is_a_cause() -> None:
    assert causes(report(seo=50), "seo") == ["of-seo 50 1 thing"]
    assert causes(report(), "seo") == []


def test_the_pages_are_pages_of_the_site() -> None:
    for page in PAGES.values():
        name = page.rstrip("/") or "index"
        assert (ROOT / "docs" / f"{name}.md").is_file(), page


def test_a_slow_machine_is_slowed_less_and_never_made_faster() -> None:
    assert slowdown([2000, 1500, 1600]) == 4
    assert slowdown([750]) == 2
    assert slowdown([220, 100, 5000]) == 1
