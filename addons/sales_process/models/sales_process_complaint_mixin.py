import operator as compare

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

# What views show of complaints.
SHOWN = (
    "//field[@name='complaint_count'] | //button[@name='action_view_complaints']"
    " | //filter[@name='contract_complaints'] | //div[@name='complaints']"
)
COMPARISONS = {
    "in": lambda count, values: count in values,
    ">": compare.gt,
    ">=": compare.ge,
    "<": compare.lt,
    "<=": compare.le,
}


class SalesProcessComplaintMixin(models.AbstractModel):
    """A deal or a contract whose customer may have open complaints.

    Where complaints are kept is said by `res.partner._process_complaint_sources`; here they are counted
    for the whole company of the customer, as far as they are complaints to the record's own company.

    The number is told to whoever may read the record, whatever they may read of the complaints: nobody
    should ring a customer up about a renewal without knowing that something is open. What the complaints
    say is told by `_complaints` to whom their own access rules let read them, and to nobody else.
    """

    _name = "sales.process.complaint.mixin"
    _description = "Open Complaints of a Customer"

    complaint_count = fields.Integer(
        string="Open Complaints",
        compute="_compute_complaint_count",
        search="_search_complaint_count",
        groups="sales_process.group_user",
        help="Of the customer's company and all its people.",
    )

    @api.depends("partner_id", "company_id")
    @api.depends_context("allowed_company_ids")
    def _compute_complaint_count(self):
        self.complaint_count = 0
        if not self.env["res.partner"]._process_complaint_sources():
            return
        customers = {record: record._complaint_customer()._origin for record in self}
        counts = (
            self.env["res.partner"]
            .union(*customers.values())
            ._process_complaint_counts(self.company_id | self.env.companies)
        )
        for record, customer in customers.items():
            record.complaint_count = self._complaint_sum(counts, record.company_id._origin, customer)

    def _search_complaint_count(self, operator, value):
        if operator not in COMPARISONS:
            return NotImplemented
        fits = COMPARISONS[operator]
        if fits(0, value):
            return ~self._complaint_domain(lambda count: not fits(count, value))
        return self._complaint_domain(lambda count: fits(count, value))

    @api.model
    def _complaint_domain(self, fits):
        """The records whose customers have open complaints, of a number that fits."""
        counts = self.env["res.partner"]._process_complaint_counts(self.env.companies)
        customers = {customer for _company, customer in counts}
        return Domain.OR(
            Domain("company_id", "=", company.id)
            & Domain(
                "partner_id.commercial_partner_id",
                "in",
                [one.id for one in customers if fits(self._complaint_sum(counts, company, one))],
            )
            for company in [*self.env.companies, self.env.company.browse()]
        )

    @api.model
    def _complaint_sum(self, counts, company, customer):
        """Complaints to this company of ours, or to all of the user's for a record of none."""
        companies = company or self.env.companies
        return sum(counts.get((one, customer), 0) for one in [*companies, company.browse()])

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """Where nobody keeps complaints the views say nothing of them."""
        arch, view = super()._get_view(view_id, view_type, **options)
        if not self.env["res.partner"]._process_complaint_sources():
            for node in arch.xpath(SHOWN):
                node.getparent().remove(node)
        return arch, view

    # -- what they say ----------------------------------------------------------------------------

    def _complaint_customer(self):
        """The customer, as the company that the contact belongs to."""
        self.ensure_one()
        return self.partner_id.commercial_partner_id

    def _complaint_searches(self):
        """(model, domain) of this customer's open complaints, for each model that keeps any."""
        self.ensure_one()
        record = self.sudo()
        companies = record.company_id or self.env.companies
        theirs = Domain("partner_id.commercial_partner_id", "in", record._complaint_customer().ids)
        theirs &= Domain("company_id", "in", [*companies.ids, False])
        return [
            (self.env[model], Domain(still_open) & theirs)
            for model, still_open in self.env["res.partner"]._process_complaint_sources().items()
        ]

    def _complaints(self, limit):
        """The complaints that the user may read, the most urgent first.

        :return: how many these are, and the rows of the first `limit` of them, each with `model` and `id`
        """
        total, rows = 0, []
        for Complaint, domain in self._complaint_searches():
            if not Complaint.has_access("read"):
                continue
            found = Complaint.search(domain, order=Complaint._process_complaint_order)
            total += len(found)
            rows += [
                {"model": found._name, "id": complaint.id, **complaint._process_complaint_row()}
                for complaint in found[:limit]
            ]
        rows.sort(key=lambda row: not row["urgent"])
        return total, rows[:limit]

    def action_view_complaints(self):
        """Open the customer's open complaints.

        :raise UserError: there are none that the user may read
        """
        self.ensure_one()
        self.check_access("read")
        for Complaint, domain in self._complaint_searches():
            if Complaint.has_access("read") and Complaint.search_count(domain, limit=1):
                return {
                    "type": "ir.actions.act_window",
                    "name": self.env._("Open Complaints"),
                    "res_model": Complaint._name,
                    "views": [(False, "list"), (False, "kanban"), (False, "form")],
                    "domain": list(domain),
                }
        raise UserError(
            self.env._("There is no open complaint that you may read. Ask whoever handles the complaints.")
        )
