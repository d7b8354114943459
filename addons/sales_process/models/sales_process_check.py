from odoo import models

from ..engine.check import check
from .sales_process_step_field import FORM_MODELS


class SalesProcess(models.Model):
    """What is wrong with a draft, in words."""

    _inherit = "sales.process"

    def action_check(self):
        """Tell what is wrong with a draft, without activating it."""
        self.ensure_one()
        problems = self._problems()
        message = "\n".join(text for text, _blocking in problems) or self.env._(
            "Nothing found: ready to be activated."
        )
        kind = "danger" if any(blocks for _text, blocks in problems) else "warning" if problems else "success"
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.display_name,
                "message": message,
                "type": kind,
                "sticky": bool(problems),
            },
        }

    def _problems(self):
        """[(text, blocking)]: what the check finds, in words, each naming its step and the remedy."""
        self.ensure_one()
        known_fields = {name for model in FORM_MODELS for name in self.env[model]._fields}
        problems = check(self._read_definition(), known_fields)
        names = {step.code: step.name for step in self.step_ids}
        return [(self._problem_text(problem, names), problem.blocking) for problem in problems]

    def _problem_text(self, problem, names):
        step = names.get(problem.step) or problem.step or self.env._("Process")
        texts = {
            "no_steps": self.env._("there are no steps: add at least one."),
            "unknown_kind": self.env._("its kind is not known: choose one of the list."),
            "unknown_phase": self.env._("it lies in no phase of this process: choose one."),
            "no_outcome": self.env._("it has no outcome: say what can come of it."),
            "unknown_outcome": self.env._("the outcome “%s” does not exist: choose another.", problem.detail),
            "unknown_step": self.env._("an outcome leads to a step that does not exist: %s.", problem.detail),
            "dead_end": self.env._(
                "the outcome “%s” leads nowhere: give it a next step or an end.", problem.detail
            ),
            "unreachable": self.env._("no way leads to it: let an outcome lead here, or delete the step."),
            "never_ends": self.env._("from here a deal can never be won or lost: add a way to an end."),
            "endless_loop": self.env._(
                "these steps would run in a circle for ever: %s. Put a task or a wait between them.",
                problem.detail,
            ),
            "no_template": self.env._("the e-mail template is missing: choose one. %s", problem.detail),
            "no_assignee": self.env._("nobody can be found to do it: choose who is responsible."),
            "no_leader": self.env._(
                "it falls to the team leader, and a team of this process has none: "
                "the sales managers will get it."
            ),
            "gate_never_opens": self.env._(
                "the gate “%s” can never be passed: it asks for nothing, or for a step that lies behind it.",
                problem.detail,
            ),
            "waits_for_nothing": self.env._(
                "it waits for nothing: give an outcome an event, or let an escalation take an outcome."
            ),
            "no_timer": self.env._("if nobody acts, nothing happens: add an escalation."),
            "no_deadline": self.env._(
                "the escalation “%s” counts from a deadline the step does not have.", problem.detail
            ),
            "unknown_behaviour": self.env._(
                "the escalation “%s” depends on a behaviour that is not known: choose one of the list.",
                problem.detail,
            ),
            "counts_from_opening": self.env._(
                "the escalation “%s” counts from the customer's second look at the paper: "
                "choose “after opening”.",
                problem.detail,
            ),
            "no_default": self.env._(
                "its last outcome has a condition: a deal that meets none would be stuck. "
                "Remove it from the last one."
            ),
            "unknown_field": self.env._(
                "its form shows the field “%s”, which does not exist.", problem.detail
            ),
        }
        return f"{step}: {texts[problem.code]}"
