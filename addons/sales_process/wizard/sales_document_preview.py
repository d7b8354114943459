import base64

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class SalesDocumentPreview(models.TransientModel):
    """A document template with the data of a lead or an order, before anything is made of it.

    A lead without an order is shown as its proposal would be made: nothing of it is saved.
    """

    _name = "sales.document.preview"
    _description = "Preview of a Document"

    template_id = fields.Many2one("sales.document.template", required=True)
    kind = fields.Selection(related="template_id.kind")
    lead_id = fields.Many2one("crm.lead")
    order_id = fields.Many2one(
        "sale.order",
        compute="_compute_order_id",
        store=True,
        readonly=False,
        domain="[('opportunity_id', '=?', lead_id)]",
    )
    html = fields.Html(compute="_compute_html", sanitize=False)
    problem = fields.Text(compute="_compute_html")

    @api.depends("lead_id")
    def _compute_order_id(self):
        for preview in self:
            orders = preview.lead_id.order_ids if preview.lead_id else preview.order_id
            preview.order_id = orders.sorted("id")[-1:]

    @api.depends("template_id", "lead_id", "order_id")
    def _compute_html(self):
        for preview in self:
            preview.html, preview.problem = False, False
            try:
                paper = preview._paper()
                preview.html = paper.html if paper else False
            except UserError as error:
                preview.problem = str(error)

    def _paper(self):
        """The paper as the template makes it of the chosen data; nothing where none is chosen."""
        order = self._chosen_order()
        if not order or not self.template_id:
            return None
        return order._process_paper(self.template_id.kind, draft=True, template=self.template_id)

    def _chosen_order(self):
        """The chosen order, or one made up of the lead, or the sample the template is tried out on."""
        if self.order_id:
            order = self.order_id._origin
            order.check_access("read")
            return order
        if self.lead_id:
            lead = self.lead_id._origin
            order = self.env["sale.order"]._process_new_for_lead(lead)
            order.partner_id = order.partner_id or lead._process_customer_to_be()
            return order
        return self.template_id._origin._sample_order() if self.template_id else self.order_id

    def action_pdf(self):
        """The same as a PDF, marked as a draft."""
        self.ensure_one()
        paper, order = self._paper(), self._chosen_order()
        mark = self.env._("DRAFT")
        content = order._process_paper_pdf(paper.html, self.kind, stamp=mark, footer=paper.footer)
        file = self.env["ir.attachment"].create(
            {
                "name": f"{self.template_id.name}.pdf",
                "datas": base64.b64encode(content),
                "mimetype": "application/pdf",
                "res_model": self._name,
                "res_id": self.id,
            }
        )
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{file.id}?download=false",
            "target": "new",
        }

    def action_keep_letter(self):
        """Make this letter a document of the order.

        :raise UserError: it is no letter: proposals and contracts are made where they are approved.
        """
        self.ensure_one()
        if self.kind != "letter" or not self.order_id:
            raise UserError(self.env._("Choose a letter and an order."))
        self.order_id.check_access("write")
        if not self.template_id._is_for(self.order_id):
            raise AccessError(self.env._("This template belongs to another company."))
        document = self.order_id._process_keep_document("letter", self._final_letter())
        return document.action_open_file()

    def _final_letter(self):
        return self.order_id._process_paper("letter", template=self.template_id)
