from odoo import fields, models


class SalesDocumentSignature(models.Model):
    """One side has signed one version of a paper: who, when, from where, and what they drew.

    Rows are made when somebody signs, and by nothing else; nobody has the right to write them. What was
    signed and then taken back is void, and stays as what happened.
    """

    _name = "sales.document.signature"
    _inherit = ["sales.process.row"]
    _description = "Signature under a Document"
    _order = "date, id"

    document_id = fields.Many2one(
        "sales.document", required=True, readonly=True, index=True, ondelete="cascade"
    )
    side = fields.Selection(
        [("ours", "Our side"), ("customer", "The customer")], required=True, readonly=True
    )
    name = fields.Char("Signed by", required=True, readonly=True)
    user_id = fields.Many2one("res.users", readonly=True, help="Of ours who signed.")
    picture = fields.Binary(attachment=False, readonly=True)
    date = fields.Datetime(required=True, readonly=True)
    local = fields.Char("On the Signer's Clock", readonly=True)
    ip = fields.Char("Network Address", readonly=True)
    agent = fields.Char("Browser", readonly=True)
    date_void = fields.Datetime("Void Since", readonly=True)

    _side_unique = models.UniqueIndex(
        "(document_id, side) WHERE date_void IS NULL", "This side has signed already."
    )

    def _as_evidence(self):
        """Who signed, as plain data."""
        self.ensure_one()
        return {
            "side": self.side,
            "name": self.name,
            "date": fields.Datetime.to_string(self.date),
            "local": self.local,
            "ip": self.ip or "",
            "agent": self.agent or "",
        }

    def _picture_url(self):
        """The picture as an address that nothing has to be fetched for."""
        self.ensure_one()
        return f"data:image/png;base64,{self.picture.decode()}"

    def _void(self):
        """The contract is taken back: what was signed holds no more."""
        self.sudo().filtered(lambda signature: not signature.date_void).date_void = self.env.cr.now()
