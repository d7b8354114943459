from odoo.fields import Command

from .contract_common import PDF, ContractCase

HTML = b"<html><body><script>alert(1)</script></body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100


class RequestCase(ContractCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._order()
        cls.env["sales.document.checklist"].search([]).active = False
        cls.checklist = cls.env["sales.document.checklist"].create(
            {
                "name": "Of the tests",
                "item_ids": [
                    Command.create({"name": "Company registration extract", "kind": "file"}),
                    Command.create({"name": "Bank details", "kind": "text"}),
                    Command.create({"name": "Signatory and authority", "kind": "text"}),
                ],
            }
        )
        cls.order.with_user(cls.rep).action_contract_request_documents()
        cls.request = cls.order.document_request_ids
        cls.extract, cls.bank, cls.signatory = cls.request.item_ids

    def _give_all(self):
        self.extract.sudo()._customer_give(self.extract.version, files=[("extract.pdf", PDF)])
        self.bank.sudo()._customer_give(self.bank.version, text="IBAN XX00")
        self.signatory.sudo()._customer_give(self.signatory.version, text="Carla, director, charter")
