from odoo import models
from odoo.exceptions import UserError

from ..engine import events


class CrmLead(models.Model):
    """Leads start on a process, are run, paused and refused: what integrators and buttons call."""

    _inherit = "crm.lead"

    def action_process_start(self, step_code=None):
        """Enter these leads into the process of their team.

        Nothing is written to a customer by itself before a person has acted.

        :param step_code: the step to begin at; None: by the stage in which the lead stands.
        :raise UserError: a lead without a process to run on, one that runs already, or has ended.
        :raise ValidationError: gates on the way to the step that are not passed; for leaders none hold.
        """
        self._process_bring_in(step_code)
        return True

    def _process_bring_in(self, step_code, stand=False):
        """See `action_process_start`.

        :param stand: they stay where they stand, though their step could be passed.
        """
        self.check_access("write")
        ended = self.filtered(lambda lead: not lead.active or lead.won_status != "pending")
        if ended:
            raise UserError(
                self.env._("%s is won, lost or archived: take it back first.", ended[0].display_name)
            )
        busy = self.filtered("process_case_id")
        if busy:
            raise UserError(self.env._("%s is already in a process.", busy[0].display_name))
        process_of = self._process_find()
        left = self - self.browse(lead.id for lead in process_of)
        if left:
            raise UserError(
                self.env._(
                    "No active process fits %(lead)s of the team %(team)s. Give the team a process first.",
                    lead=left[0].display_name,
                    team=left[0].team_id.name or self.env._("(none)"),
                )
            )
        free = not step_code or self.env.user.has_group("sales_process.group_leader")
        gates = None if free else "stage"
        self._process_enter(process_of, step_code, quiet=True, gates=gates, stand=stand)

    def _process_find(self):
        """dict lead -> process; a lead that renews a contract goes by the process for renewals."""
        renewing = self.browse(lead.id for lead in self._process_renewed_contracts())
        Process = self.env["sales.process"]
        return {**Process._for_leads(self - renewing), **Process._for_leads(renewing, kind="renewal")}

    def _process_renewed_contracts(self):
        """dict lead -> the contract that it is to renew; leads of new business are left out."""
        contracts = (
            self.env["sale.order"].sudo().search([("renewal_lead_id", "in", self.ids)]) if self.ids else ()
        )
        return {self.browse(contract.renewal_lead_id.id): contract for contract in contracts}

    def _process_enter(self, process_of, step_code=None, quiet=False, gates=None, stand=False):
        """Start cases, each at a step or by the stage its lead stands in.

        :param quiet: nothing goes to the customer by itself before a person has acted. So it is for
            every lead that enters in the middle.
        :param gates: which gates hold, see `sales.process.case._start`; so is `stand`.
        """
        groups = {}
        for lead, process in process_of.items():
            code = step_code or process._entry_for(lead)
            if code and code not in process._definition().by_code:
                raise UserError(
                    self.env._(
                        "The process %(process)s has no step %(code)s.",
                        process=process.display_name,
                        code=code,
                    )
                )
            groups.setdefault(code, {})[lead] = process
        Case = self.env["sales.process.case"]
        for code, same in groups.items():
            Case._start(same, code, quiet or bool(code), gates=gates, stand=stand)

    def process_run_queued(self):
        """Run now what is queued for these leads, without a commit: for scripts and tests.

        :return: how many automatic steps were run.
        """
        self.check_access("write")
        Task, count = self.env["sales.process.task"].sudo(), 0
        while True:
            tasks = Task.search([("lead_id", "in", self.ids), *Task._queued_domain()], order="id")
            if not tasks:
                return count
            for step_tasks in tasks.grouped("step_id").values():
                step_tasks._run_guarded()
            count += len(tasks)

    def process_pause(self, reason):
        """Stop timers, letters and automatic steps of these leads until `process_resume`.

        :raise UserError: no reason given.
        """
        self.check_access("write")
        if not isinstance(reason, str) or not reason.strip():
            raise UserError(self.env._("Say why the process is paused."))
        self.process_case_id._pause(reason.strip())
        return True

    def process_resume(self):
        """Go on; what fell due meanwhile is put off by the time of the pause."""
        self.check_access("write")
        self.process_case_id._resume()
        return True

    def process_refuse(self, lost_reason_id, comment=None):
        """The customer says no: these leads are lost, open tasks and letters are cancelled.

        :raise UserError: the reason does not exist, or a lead is not running.
        """
        self.check_access("write")
        reason = (
            self.env["crm.lost.reason"].browse(self.env["sales.process.task"]._as_id(lost_reason_id)).exists()
        )
        if not reason:
            raise UserError(self.env._("Why does the customer refuse? Choose a lost reason."))
        idle = self.filtered(lambda lead: not lead.process_case_id)
        if idle:
            raise UserError(self.env._("%s is not in a process.", idle[0].display_name))
        self.lost_reason_id = reason
        self._contract_take_notice(reason)
        cases = self.process_case_id
        cases._handle({case: events.Refuse() for case in cases})
        if comment:
            self._process_log("note", text=comment)
        return True
