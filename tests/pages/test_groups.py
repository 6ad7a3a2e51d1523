"""Tests of one group run in one process, also with several: the blocks of a page, what is built once."""

import pytest

pytest_plugins = ["pytester"]


def test_a_group_stays_in_one_process(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os
        import pytest

        @pytest.mark.xdist_group("one")
        @pytest.mark.parametrize("number", range(8))
        def test_of_a_group(number):
            with open(os.environ["RAN"], "a") as ran:
                print(os.environ["PYTEST_XDIST_WORKER"], file=ran)
        """
    )
    ran = pytester.path / "ran"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAN", str(ran))
        done = pytester.runpytest_subprocess("--numprocesses", "2", "--dist", "loadgroup")
    done.assert_outcomes(passed=8)
    assert len(set(ran.read_text().split())) == 1
