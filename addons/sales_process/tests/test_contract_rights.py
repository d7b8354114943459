"""Who may see and change what in the contract room: every role on every model, and every action."""

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .contract_common import PDF, ContractCase

ROLES = ("rep", "leader", "other_rep", "foreigner", "portal", "public")
# Model -> what each of the roles may do with a row of the rep's: r(ead), w(rite), c(reate), d(elete).
ROWS = {
    "sale.order": ("rwc", "rwc", "", "", "", ""),
    # of a request nothing but its items: they guard themselves
    "sales.document.request": ("rw", "rw", "", "", "", ""),
    "sales.document.request.item": ("rwcd", "rwcd", "", "", "", ""),
    "sales.document": ("r", "r", "", "", "", ""),
    "sales.document.signature": ("r", "r", "", "", "", ""),
    "sales.paper.link": ("r", "r", "", "", "", ""),
    "sales.approval": ("r", "r", "", "", "", ""),
}
# What a company sets up: everybody who sells there reads it, owners of processes shape it.
SETUP = ("sales.document.checklist", "sales.document.checklist.item", "sales.approval.rule")
WIZARDS = ("sales.contract.coterm", "sales.contract.coterm.line", "sales.contract.terminate")
LETTERS = {"r": "read", "w": "write", "c": "create", "d": "unlink"}


@tagged("post_install", "-at_install", "sales_process")
class TestContractRights(ContractCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        company = cls.env.company.id
        cls.env["sales.approval.rule"].search([]).active = False
        cls.rule = cls.env["sales.approval.rule"].create({"name": "All", "company_id": company})
        cls.checklist = cls.env["sales.document.checklist"].create(
            {
                "name": "Of one company",
                "company_id": company,
                "item_ids": [Command.create({"name": "Extract", "kind": "file"})],
            }
        )
        cls.order = cls._order(document_checklist_id=cls.checklist.id)
        cls.order.with_user(cls.rep).action_contract_request_documents()
        cls.order.with_user(cls.rep).action_contract_generate()
        cls.order.sudo()._contract_set({"contract_state": "to_sign"})
        cls.rows = {
            "sale.order": cls.order,
            "sales.document.request": cls.order.document_request_ids,
            "sales.document.request.item": cls.order.document_request_ids.item_ids,
            "sales.document": cls.order.sales_document_ids,
            "sales.document.signature": cls.env["sales.document.signature"].create(
                {
                    "document_id": cls.order.sales_document_ids.id,
                    "side": "customer",
                    "name": "Carla Customer",
                    "date": "2026-01-01",
                }
            ),
            "sales.paper.link": cls.order.paper_link_ids,
            "sales.approval": cls.order.approval_ids,
            "sales.document.checklist": cls.checklist,
            "sales.document.checklist.item": cls.checklist.item_ids,
            "sales.approval.rule": cls.rule,
        }

    def _may(self, row, user):
        """What the user may do with a row, as letters; reading is tried out as a search as well."""
        row = row[:1].with_user(user)
        self.env.invalidate_all()
        letters = "".join(letter for letter, operation in LETTERS.items() if row.has_access(operation))
        try:
            found = bool(row.search([("id", "=", row.id)]))
        except AccessError:
            found = False
        self.assertEqual(found, "r" in letters, f"{row._name} {user.login}: found and read are one")
        return letters

    def test_rows(self):
        for model, expected in ROWS.items():
            self.assertTrue(self.rows[model], model)
            for role, letters in zip(ROLES, expected, strict=True):
                with self.subTest(model=model, role=role):
                    self.assertEqual(self._may(self.rows[model], getattr(self, role)), letters)

    def test_setup(self):
        for model in SETUP:
            for role, letters in zip(ROLES, ("r", "r", "r", "", "", ""), strict=True):
                with self.subTest(model=model, role=role):
                    self.assertEqual(self._may(self.rows[model], getattr(self, role)), letters)

    def test_wizards_are_for_those_who_sell(self):
        for model in WIZARDS:
            for role in ("portal", "public"):
                with self.subTest(model=model, role=role), self.assertRaises(AccessError):
                    self.env[model].with_user(getattr(self, role)).create({})

    def test_actions_of_a_contract(self):
        running = self._running()
        for role in ("other_rep", "foreigner", "portal", "public"):
            user = getattr(self, role)
            for order, name, arguments in (
                (self.order, "action_contract_request_documents", ()),
                (self.order, "action_contract_generate", ()),
                (self.order, "action_contract_send", ()),
                (self.order, "action_contract_send_again", ()),
                (self.order, "action_contract_use_form", ()),
                (self.order, "action_contract_withdraw", ()),
                (self.order, "action_contract_sign", ()),
                (self.order, "action_approval_withdraw", ()),
                (running, "action_contract_renew", ()),
                (running, "action_contract_terminate", ("2026-12-01", "no more")),
                (running, "action_contract_timer_retry", ()),
            ):
                with self.subTest(role=role, action=name), self.assertRaises(AccessError):
                    getattr(order.with_user(user), name)(*arguments)
        self.assertEqual((running.contract_state, running.renewal_ids.ids), ("running", []))

    def test_what_the_customer_handed_in(self):
        item = self.order.document_request_ids.item_ids
        item.sudo()._customer_give(1, files=[("extract.pdf", PDF)])
        file = item.sudo().attachment_ids
        for role in ("other_rep", "foreigner", "portal", "public"):
            user = getattr(self, role)
            with self.subTest(role=role):
                self.env.invalidate_all()
                self.assertFalse(file.with_user(user).has_access("read"), "nor its file")
                for act in (item.with_user(user).action_accept, item.with_user(user).action_return):
                    with self.assertRaises(AccessError):
                        act()
                for name in ("action_remind", "action_waive", "action_accept_all"):
                    arguments = ("why",) if name == "action_waive" else ()
                    with self.assertRaises(AccessError):
                        getattr(item.request_id.with_user(user), name)(*arguments)
        self.env.invalidate_all()
        self.assertTrue(file.with_user(self.rep).has_access("read"))
        self.assertEqual(item.state, "given")

    def test_the_leader_of_another_team(self):
        groups = "sales_process.group_leader,sales_team.group_sale_salesman_all_leads"
        stranger = new_test_user(self.env, "contract_stranger", groups=groups)
        self.env["crm.team"].create({"name": "Another team", "user_id": stranger.id})
        for name in ("sales.document.request", "sales.document.request.item", "sales.paper.link"):
            with self.subTest(name):
                self.assertEqual(self._may(self.rows[name], stranger), "")

    def test_a_link_is_withdrawn_by_those_of_the_order(self):
        link = self.order.paper_link_ids[:1]
        for role in ("other_rep", "foreigner", "portal", "public"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                link.with_user(getattr(self, role)).action_revoke()
        self.assertFalse(link.date_revoked)
        for role in ("rep", "leader"):
            with self.assertRaises(AccessError, msg="a secret's hash is nobody's to read"):
                link.with_user(getattr(self, role)).read(["token_hash"])
