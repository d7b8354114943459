"""The processes as shipped: they pass the check, and every case comes to an end without any help."""

from datetime import datetime, timedelta

import pytest
from engine.case import OPEN_STATES
from engine.check import check
from engine.definition import AUTOMATIC_KINDS
from engine.trial import Act, Trial
from shipped import NAMES, load

# Each round is a person's work on the paper: a leader's no to it, a customer's no to text or price, ours
# to what we have made ourselves.
NEGOTIATIONS = (
    "approve_", "sign_contract.declined", "proposal_decision.declined",
    "sign_contract.withdrawn", "sign_first.withdrawn", "countersign.withdrawn",
)  # fmt: skip
BEGIN = datetime(2026, 3, 2, 9)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wrong_with_it(name):
    assert check(load(name)) == []


@pytest.mark.parametrize(("step", "follows"), [("confirm_order", False), ("request_information", True)])
def test_a_contract_follows_or_does_not(step, follows):
    assert load("new_business").awaits("contract_signed", step) is follows


@pytest.mark.parametrize("name", NAMES)
def test_the_ladders_alone_bring_a_deal_to_an_end_or_to_a_persons_task(name):
    """Nobody does anything: what is left open after a year is a person's, never the customer's turn."""
    trial = Trial(load(name), lambda step, case, number: None, BEGIN)
    trial.run(1, timedelta(days=365))
    (case,) = trial.cases.values()
    kinds = {trial.process.by_code[task.step].kind for task in case.tasks}
    assert case.state not in OPEN_STATES or kinds <= {"task", "approval", "meeting"}


@pytest.mark.parametrize("name", NAMES)
def test_silence_and_delay_do_not_go_round_for_ever(name):
    """Whatever is answered, and however often; negotiations alone go on as long as people want."""
    process = load(name)
    endless = {
        f"{step.code}.{stubborn.code}"
        for step in process.steps if step.kind not in AUTOMATIC_KINDS
        for stubborn in step.outcomes if not ends(process, step.code, stubborn.code)
    }  # fmt: skip
    assert {code for code in endless if not code.startswith(NEGOTIATIONS)} == set()


def ends(process, code, outcome):
    """Whether a deal ends where one step always ends the same way, and all others by their first outcome."""

    def act(step, case, number):
        return Act(outcome if step.code == code else step.outcomes[0].code, timedelta(days=1))

    trial = Trial(process, act, BEGIN)
    trial.run(1, timedelta(days=365))
    return trial.cases[0].state not in OPEN_STATES
