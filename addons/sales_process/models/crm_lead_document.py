from odoo import fields, models


class CrmLead(models.Model):
    """The papers made for the orders of a lead."""

    _inherit = "crm.lead"

    sales_document_ids = fields.One2many("sales.document", "lead_id", string="Documents", readonly=True)
    sales_document_count = fields.Integer(
        compute="_compute_sales_document_count", string="Number of Documents"
    )

    def _compute_sales_document_count(self):
        counts = dict(
            self.env["sales.document"]._read_group([("lead_id", "in", self.ids)], ["lead_id"], ["__count"])
        )
        for lead in self:
            lead.sales_document_count = counts.get(lead._origin, 0)

    def action_view_sales_documents(self):
        """All versions of all papers of this lead."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("sales_process.action_sales_document")
        return {**action, "domain": [("lead_id", "=", self.id)], "context": {}}

    def process_forget_customer(self):
        """Also what the customer wrote and handed in on their pages, and to whom the papers went.

        A contract that was signed keeps what it was signed with: it is evidence, and has its own time to be
        kept.
        """
        result = super().process_forget_customer()
        documents = self.sudo().sales_document_ids
        documents.write({"sent_to": False})
        (documents.order_id | self.sudo().order_ids)._process_forget_customer()
        return result
