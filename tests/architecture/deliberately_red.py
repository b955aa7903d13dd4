"""Collected only when `.ci/run` names it: a runner that stays green here is broken."""


def test_a_failing_test_makes_the_runner_red() -> None:
    assert sum((2, 2)) == 5
