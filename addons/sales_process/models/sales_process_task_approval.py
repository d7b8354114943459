from odoo import api, models
from odoo.exceptions import UserError


class SalesProcessTask(models.Model):
    """The form of a task that makes or judges a proposal: the quotation to be looked through first, and what
    an approver is asked, beside what was approved last."""

    _inherit = "sales.process.task"

    @api.readonly
    def get_form(self):
        """With `can_prepare` (whether there is a quotation to be made and looked through before it is
        proposed) and `judged`: what is asked for approval, or False."""
        form = super().get_form()
        form["can_prepare"] = self._form_can_prepare(form)
        form["judged"] = self._form_judged() if form["task"]["open"] else False
        return form

    def action_open_quotation(self):
        """Open the quotation that this step proposes, made from its template where there is none yet.

        The step stays open: the lines can be changed before anybody is asked.

        :return: the action that shows it.
        :raise UserError: the step proposes nothing or is done, or what is missing to make a quotation.
        """
        self.ensure_one()
        self._check_may_complete()
        self.sudo()._check_open()
        if not self._makes_proposal():
            raise UserError(self.env._("“%s” makes no quotation.", self.sudo().step_id.name))
        order = self.env["sale.order"]._process_create_for_lead(self.lead_id)
        return {
            "type": "ir.actions.act_window",
            "res_model": "sale.order",
            "res_id": order.id,
            "views": [(False, "form")],
        }

    def _makes_proposal(self):
        return "proposal_make" in self.sudo().step_id.outcome_ids.mapped("does")

    def _form_order_shown(self):
        """The order of the case; before there is one, the quotation that a proposal would be made of."""
        order = self.sudo().case_id.order_id.with_env(self.env)
        if not order and self._makes_proposal() and self.lead_id.has_access("read"):
            order = self.env["sale.order"]._process_open_order(self.lead_id)
        return order

    def _form_can_prepare(self, form):
        return (
            form["task"]["open"]
            and self._makes_proposal()
            and not form["order"]
            and not any(obstacle["stops"] for obstacle in form["obstacles"])
        )

    def _form_judged(self):
        """The question about this task's paper that the user may answer, else the first one that waits."""
        task = self.sudo()
        if task.step_id.kind != "approval" or not task.case_id.order_id:
            return False
        waiting = self._waiting_questions()
        approval = (waiting.filtered("can_decide") or waiting)[:1]
        return approval._form_judged() if approval else False

    def _escalate_substitute(self, rung):
        """A late question for approval goes to somebody who may answer it, and knows of it."""
        judging = self.filtered(lambda task: task.step_id.kind == "approval" and task.state == "open")
        result = super(SalesProcessTask, self - judging)._escalate_substitute(rung)
        heirs = {}
        for task in judging:
            waiting = task._waiting_questions()
            fresh = waiting._hand_over_late()
            heirs[task] = self.env["res.users"].union(*fresh.values())[:1]
        judging._assign(
            {task: user for task, user in heirs.items() if user}, self.env._("late, handed to the substitute")
        )
        return result

    def _waiting_questions(self):
        """What is asked for the approval of this task's paper, and is not answered yet."""
        self.ensure_one()
        return self.env["sales.approval"].search(
            [
                ("order_id", "=", self.sudo().case_id.order_id.id),
                ("kind", "=", self.sudo().step_id.paper),
                ("state", "=", "waiting"),
            ],
            order="id",
        )
