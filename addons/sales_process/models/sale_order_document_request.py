from odoo import api, fields, models


class SaleOrder(models.Model):
    """The documents and details that a contract needs of its customer."""

    _inherit = "sale.order"

    document_checklist_id = fields.Many2one(
        "sales.document.checklist",
        string="Checklist",
        check_company=True,
        index="btree_not_null",
        help="What the customer is asked for. Empty: the checklist for this kind of customer.",
    )
    document_request_ids = fields.One2many("sales.document.request", "order_id", string="Documents Requests")
    document_request_count = fields.Integer(compute="_compute_document_request_count")

    def action_contract_request_documents(self):
        """Ask the customers for the documents of their contract: once, by a letter with a link.

        Asked again, nothing happens: a reminder is sent from the request itself. No letter goes to a
        customer who has given all of it before, and it is still good.
        """
        self.check_access("write")
        requests = self.env["sales.document.request"]._make(self)
        requests.filtered(lambda request: request.state == "open" and not request.date_sent)._send(
            "sales_process.mail_template_documents_request"
        )
        return requests.ids

    def action_view_document_requests(self):
        """What the customer was asked for, and how far they have got."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("sales_process.action_sales_document_request")
        action |= {"domain": [("order_id", "=", self.id)], "context": {}}
        requests = self.document_request_ids
        return action | ({"views": [(False, "form")], "res_id": requests.id} if len(requests) == 1 else {})

    @api.depends("document_request_ids")
    def _compute_document_request_count(self):
        counts = dict(
            self.env["sales.document.request"]._read_group(
                [("order_id", "in", self.ids)], ["order_id"], ["__count"]
            )
        )
        for order in self:
            order.document_request_count = counts.get(order, 0)

    def _process_documents_complete(self):
        """Whether the customer's documents are there, or done without: of this term or of one before."""
        self.ensure_one()
        order, seen = self.sudo(), self.browse()
        while order and order not in seen:
            if order.document_request_ids:
                return all(request.state != "open" for request in order.document_request_ids)
            seen, order = seen + order, order.renewal_of_id
        return False

    def _process_open_documents(self, states=("open", "returned")):
        """What is needed of the customer and not handed in yet, or to be handed in again, by name: for the
        reminder. Nobody is reminded of what they need not send."""
        return self._process_document_items(states).mapped("name")

    def _process_returned_documents(self):
        """What the customer has to hand in again: [(name, our word why)]."""
        return [(item.name, item.note or "") for item in self._process_document_items(("returned",))]

    def _process_document_items(self, states):
        self.ensure_one()
        requests = self.sudo().document_request_ids.filtered(lambda request: request.state == "open")
        return requests._items_to_hand_in().filtered(lambda item: item.state in states)

    def _process_link_url(self, purpose):
        """The customer's documents have a page of their own."""
        url = super()._process_link_url(purpose)
        return (
            url.replace("/sales_process/paper/", "/sales_process/documents/")
            if purpose == "documents"
            else url
        )
