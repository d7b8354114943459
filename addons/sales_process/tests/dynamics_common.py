import random
from collections import Counter
from datetime import datetime, timedelta

from odoo.tests import new_test_user

from .test_stage_history import StageHistoryCase

MOVES = ("entered", "moved_on", "moved_back", "won", "lost")
STOCK = ("opening", *MOVES, "closing")
AMOUNTS = tuple(f"amount_{name}" for name in (*STOCK, "revalued"))


def specs(*names):
    return [f"{name}:sum" for name in names]


def rounded(funnel):
    """The figures of a funnel as they can be compared: the clock goes on, and sums of floats are added up
    in another order."""
    if isinstance(funnel, dict):
        return {key: rounded(value) for key, value in funnel.items() if not key.startswith("age_")}
    if isinstance(funnel, list):
        return [rounded(value) for value in funnel]
    return round(funnel, 4) if isinstance(funnel, float) else funnel


def reckon(histories, order, day_of=datetime.date):
    """What happened on which day, told from the histories alone, one lead after the other.

    :param histories: for each lead its stays in order: (stage, enter, leave, status, amount).
    :param order: stages in the order of the board.
    :return: Counter (day, stage, move) -> number, and the same of amounts.
    """
    counts, amounts = Counter(), Counter()

    def note(moment, stage, move, amount, came_with=None):
        counts[day_of(moment), stage, move] += 1
        amounts[day_of(moment), stage, move] += amount
        amounts[day_of(moment), stage, "revalued"] += amount - (amount if came_with is None else came_with)

    for stays in histories:
        for number, (stage, enter, leave, status, amount) in enumerate(stays):
            before = stays[number - 1] if number else None
            if status == "won":
                if before is None or before[3] == "lost":
                    note(enter, stage, "entered", amount)
                    note(enter, stage, "won", amount)
                continue
            note(enter, stage, "entered", amount)
            if leave is None:
                continue
            after = stays[number + 1] if number + 1 < len(stays) else None
            if status == "lost":
                note(leave, stage, "lost", amount)
            elif after and after[3] == "won":
                note(leave, stage, "won", after[4], amount)
            elif after and order.index(after[0]) < order.index(stage):
                note(leave, stage, "moved_back", after[4], amount)
            else:
                note(leave, stage, "moved_on", after[4] if after else amount, amount)
    return counts, amounts


class DynamicsCase(StageHistoryCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.cr.execute("DELETE FROM crm_lead_stage_history")
        cls.env["sales.process.dynamics.day"]._mark_all()
        cls.third = cls.env["crm.stage"].create({"name": "Third", "sequence": -19, "team_ids": cls.team.ids})
        cls.order = [cls.first, cls.second, cls.third, cls.won]
        cls.Dynamics = cls.env["sales.process.dynamics"]
        cls.sees_all = new_test_user(cls.env, "dynamics-sees-all", "sales_process.group_leader")

    def roll_up(self):
        self.env.flush_all()
        while self.env["sales.process.dynamics.day"]._roll_up():
            pass

    def figures(self, domain=(), groupby=(), names=STOCK, user=None):
        """{group: {name: sum}}, brought up to date."""
        self.roll_up()
        model = self.Dynamics.with_user(user) if user else self.Dynamics
        rows = model._read_group(list(domain), list(groupby), specs(*names))
        return {row[: len(groupby)]: dict(zip(names, row[len(groupby) :], strict=True)) for row in rows}

    def flows(self, domain=(), names=MOVES):
        """Counter (day, stage, move) of what is there."""
        groups = self.figures(domain, ("date:day", "stage_id"), names)
        return Counter(
            {(*group, name): value for group, row in groups.items() for name, value in row.items() if value}
        )

    def random_histories(self, count, seed):
        """Leads with random stays; what they are, as `reckon` wants it."""
        dice = random.Random(seed)
        leads = self.make_leads(count)
        stays, histories = [], []
        for lead in leads:
            history = self._random_history(dice)
            histories.append(history)
            stays += [
                {
                    "lead_id": lead.id,
                    "stage_id": stage.id,
                    "date_enter": enter,
                    "date_leave": leave,
                    "won_status": status,
                    "user_id": dice.choice([self.rep.id, self.env.uid, None]),
                    "expected_revenue": amount,
                }
                for stage, enter, leave, status, amount in history
            ]
        self.env.flush_all()
        self.env["crm.lead.stage.history"]._replace(leads.ids, stays)
        return leads, histories

    def _random_history(self, dice):
        moment = self.start + timedelta(hours=dice.randrange(2000))
        stage, history = dice.choice(self.order[:3]), []
        for _number in range(dice.randrange(1, 8)):
            leave = moment + timedelta(hours=dice.randrange(400))
            status = "won" if stage == self.won else dice.choice(["pending", "pending", "pending", "lost"])
            history.append((stage, moment, leave, status, dice.randrange(0, 10000) / 4))
            moment = leave + timedelta(hours=dice.randrange(100) if status == "lost" else 0)
            others = [one for one in self.order if one != stage]
            stage = stage if status == "lost" and dice.random() < 0.7 else dice.choice(others)
        if history[-1][3] != "lost" and dice.random() < 0.8:
            history[-1] = (*history[-1][:2], None, *history[-1][3:])
        return history
