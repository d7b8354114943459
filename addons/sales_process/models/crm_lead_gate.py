from odoo import api, models
from odoo.exceptions import AccessError, UserError


class CrmLead(models.Model):
    """Moving leads to another stage: conditions, what is missing, and passing them with a reason."""

    _inherit = "crm.lead"

    @api.constrains("stage_id")
    def _check_process_stage(self):
        """Gates hold on every road, the recomputation of the stage included; the case follows the lead."""
        if not self.env["sales.process"]._active_by_team() and not self.sudo().process_case_id:
            return
        moves, winning = {}, {}
        for lead in self.sudo():
            case = lead.process_case_id
            if not case or case.state == "new":
                continue
            if lead.stage_id.is_won:
                winning[case] = case.process_id._phase_of(lead.stage_id)
                continue
            phase = case.process_id.phase_ids.filtered(
                lambda phase, lead=lead: lead.stage_id in phase.stage_ids
            )
            if phase and case.phase_id and case.phase_id not in phase and lead._process_follows_stage(case):
                moves[case] = phase[:1]
        if winning:
            self.env["sales.process.case"].sudo().browse(case.id for case in winning)._check_gates(winning)
        if moves:
            self.env["sales.process.case"].sudo().browse(case.id for case in moves)._followed_by_hand(moves)

    def _process_follows_stage(self, case):
        """Whether the stage of this lead tells where its case stands. In a team that the process is not
        made for, a stage that all teams share tells nothing of it."""
        return self.team_id in case.process_id.team_ids or self.team_id in self.stage_id.team_ids

    def process_move(self, stage_id, override_reason=None):
        """Move these leads to a stage; with a reason, past the conditions that are not met.

        :raise AccessError: overriding without being a team leader.
        :raise ValidationError: conditions that are not met, without a reason.
        """
        self.check_access("write")
        stage_id = self.env["sales.process.task"]._as_id(stage_id)
        if override_reason is not None:
            if not self.env.user.has_group("sales_process.group_leader"):
                raise AccessError(
                    self.env._("Only a team leader moves a lead past the conditions of a stage.")
                )
            if not isinstance(override_reason, str) or not override_reason.strip():
                raise UserError(self.env._("Say why the conditions do not matter here."))
            self.sudo()._process_override(self.env["crm.stage"].browse(stage_id), override_reason.strip())
        self.write({"stage_id": stage_id})
        return True

    def _process_override(self, stage, reason):
        for case in self.process_case_id:
            phase = case.process_id._phase_of(stage)
            missing = case._missing_at_gates({case: phase}) if phase else {}
            if missing:
                memory = dict(case.memory or {})
                case.memory = {**memory, "overrides": [*memory.get("overrides", ()), phase.id]}
                case.lead_id.with_user(self.env.uid)._process_log(
                    "override", text=f"{phase.name}: {reason}", missing=missing[case]
                )

    def process_missing(self, stage_id):
        """What each of these leads lacks to be moved to a stage.

        :return: list of `{'lead_id', 'missing', 'fields'}`, for those that lack something.
        """
        self.check_access("read")
        stage = self.env["crm.stage"].browse(self.env["sales.process.task"]._as_id(stage_id))
        found, cases = [], self.sudo().process_case_id
        phase_of = {case: phase for case in cases if (phase := case.process_id._phase_of(stage))}
        for case, missing in cases._missing_at_gates(phase_of).items():
            gates = case.process_id.gate_ids.filtered(
                lambda gate, case=case: (
                    gate.kind == "fields" and case._passes_phase(gate.phase_id, phase_of[case])
                )
            )
            names = [field.name for field in gates.field_ids if not case.lead_id[field.name]]
            found.append({"lead_id": case.lead_id.id, "missing": missing, "fields": names})
        return found
