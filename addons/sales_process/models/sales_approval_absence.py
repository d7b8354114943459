from odoo import api, fields, models


class SalesApproval(models.Model):
    """Questions that go to somebody else: while who should answer is away, and when the answer is late."""

    _inherit = "sales.approval"

    @api.model
    def _hand_back(self):
        """Ask those who are back what others were asked in their place, and is not answered yet."""
        due = self.sudo().search([("state", "=", "waiting"), ("date_return", "<=", fields.Datetime.now())])
        if due:
            absent = self.env["res.users"]._process_absent()
            due._ask_instead(
                {row: row.rule_id._approvers(row.order_id, row.for_user_id, absent) for row in due}, absent
            )

    def _ask_instead(self, users_of, absent):
        """Ask these users, and tell those who did not know; the process' tasks go with the question.

        :param dict users_of: question -> who is asked from now on, beside who got it for being late.
        """
        fresh = {}
        for row in self:
            asked = users_of[row] | row.late_user_ids
            fresh[row] = asked - row.approver_ids
            row.write(
                {
                    "approver_ids": [(6, 0, asked.ids)],
                    "date_return": row.rule_id._next_return(row.order_id, row.for_user_id, absent),
                }
            )
        self._tell_approvers(fresh)
        tasks = self._process_tasks()
        tasks._assign(self._task_users(tasks), self.env._("asked for approval"))

    def _hand_over_late(self):
        """Ask one more for each late question: who stands in for those asked, else whoever is above them."""
        absent = self.env["res.users"]._process_absent()
        fresh = {row: row._who_is_next(absent) for row in self.sudo()}
        for row, user in fresh.items():
            if user:
                row.write({"late_user_ids": [(4, user.id)], "approver_ids": [(4, user.id)]})
        self.sudo()._tell_approvers(fresh)
        return fresh

    def _who_is_next(self, absent):
        """The next who may judge this paper, is here and was not asked yet; nobody, if there is none left."""
        order = self.order_id
        above = order._approval_seller().sale_team_id.user_id | order._approval_managers()
        for group in (self.approver_ids.process_substitute_id, above):
            free = order._approval_candidates(group) - absent - self.approver_ids
            if free:
                return free[0]
        return order.env["res.users"]
