from odoo import api, fields, models
from odoo.exceptions import ValidationError

FORM_MODELS = ("crm.lead", "sale.order", "calendar.event")


class SalesProcessStepField(models.Model):
    """A field on the form of a step: what the person fills in, and for which outcomes it must be."""

    _name = "sales.process.step.field"
    _inherit = "sales.process.part"
    _description = "Field on the Form of a Step"

    step_id = fields.Many2one("sales.process.step", required=True, ondelete="cascade", index=True)
    process_id = fields.Many2one(related="step_id.process_id", store=True, required=False, index=True)
    field_id = fields.Many2one(
        "ir.model.fields",
        required=True,
        ondelete="cascade",
        domain=[("model", "in", FORM_MODELS)],
    )
    name = fields.Char(related="field_id.name", store=True)
    model = fields.Char(related="field_id.model", store=True)
    required = fields.Boolean()
    outcome_ids = fields.Many2many(
        "sales.process.outcome",
        string="Required for",
        domain="[('step_id', '=', step_id)]",
        help="Empty: for every outcome of the step that leads on.",
    )
    alternative_of_id = fields.Many2one(
        "ir.model.fields",
        string="Or Instead",
        ondelete="cascade",
        help="The other field that will do as well: a phone or an e-mail.",
    )

    @api.constrains("field_id")
    def _check_field(self):
        for line in self:
            if line.model not in FORM_MODELS:
                raise ValidationError(
                    self.env._("%s is no field of a lead, an order or a meeting.", line.field_id.display_name)
                )

    def _is_needed_for(self, outcome):
        """Whether the field must be filled in to take the outcome."""
        self.ensure_one()
        if not self.required:
            return False
        return outcome in self.outcome_ids if self.outcome_ids else outcome._leads_on()

    def _is_filled(self, record):
        names = [self.name] + ([self.alternative_of_id.name] if self.alternative_of_id else [])
        return any(record[name] for name in names)
