from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..engine import definition as engine
from .stored_domain import check_domain, read_domain


class SalesProcessGate(models.Model):
    """What a lead must have before it may enter a phase, on whatever road it comes."""

    _name = "sales.process.gate"
    _inherit = "sales.process.part"
    _description = "Gate of a Phase"

    phase_id = fields.Many2one("sales.process.phase", required=True, ondelete="cascade", index=True)
    name = fields.Char(required=True, translate=True, help="What is missing, as a salesperson would say it.")
    kind = fields.Selection(
        [
            ("fields", "Fields filled in"),
            ("domain", "Condition met"),
            ("step_done", "Step done"),
            ("document", "Documents received"),
            ("approval", "Approval valid"),
        ],
        default="fields",
        required=True,
    )
    field_ids = fields.Many2many("ir.model.fields", string="Fields", domain=[("model", "=", "crm.lead")])
    domain = fields.Char(default="[]")
    step_id = fields.Many2one("sales.process.step", domain="[('process_id', '=', process_id)]", copy=False)
    paper = fields.Selection([("proposal", "Proposal"), ("contract", "Contract")], default="proposal")

    @api.constrains("phase_id", "process_id", "step_id", "kind")
    def _check_same_process(self):
        for gate in self:
            if gate.phase_id.process_id != gate.process_id or (
                gate.kind == "step_done" and gate.step_id.process_id != gate.process_id
            ):
                raise ValidationError(
                    self.env._("The phase and the step of a gate must belong to its process.")
                )

    def _definition(self):
        """The gate as the engine knows it."""
        self.ensure_one()
        step = self.step_id.code if self.kind == "step_done" else None
        empty = (self.kind == "fields" and not self.field_ids) or (self.kind == "step_done" and not step)
        return engine.Gate(phase=self.phase_id.code, name=self.name, step=step, empty=empty)

    def _missing_for(self, cases):
        """dict case -> list of what is missing, in words; cases that pass are left out."""
        self.ensure_one()
        return getattr(self, f"_missing_{self.kind}")(cases)

    @api.constrains("domain")
    def _check_domain(self):
        for gate in self:
            check_domain(gate, "domain", "crm.lead")

    def _missing_fields(self, cases):
        found = {}
        for case in cases:
            labels = [field.field_description for field in self.field_ids if not case.lead_id[field.name]]
            if labels:
                found[case] = labels
        return found

    def _missing_domain(self, cases):
        passing = cases.lead_id.filtered_domain(read_domain(self, "domain"))
        return {case: [self.name] for case in cases if case.lead_id not in passing}

    def _missing_step_done(self, cases):
        done = (
            self.env["sales.process.task"]
            .sudo()
            ._read_group(
                [("case_id", "in", cases.ids), ("step_id", "=", self.step_id.id), ("state", "=", "done")],
                ["case_id"],
            )
        )
        passing = {case.id for (case,) in done}
        return {case: [self.name] for case in cases if case.id not in passing}

    def _missing_document(self, cases):
        return {case: [self.name] for case in cases if not case.order_id._process_documents_complete()}

    def _missing_approval(self, cases):
        return {
            case: [self.name]
            for case in cases
            if not case.order_id or not case.order_id._approval_is_valid(self.paper)
        }
