from odoo import api, fields, models
from odoo.tools import SQL


class CrmLeadExternalRef(models.Model):
    """The names by which other systems know our leads.

    In a table of their own, since a merge deletes leads: their references then
    point to the lead that remained, and a repeated request finds it.
    """

    _name = "crm.lead.external.ref"
    _description = "External Reference of a Lead"
    _order = "id"

    name = fields.Char("Reference", required=True, readonly=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    lead_id = fields.Many2one("crm.lead", required=True, readonly=True, index=True, ondelete="cascade")

    _company_name_unique = models.UniqueIndex(
        "(company_id, name)",
        "This external reference is taken by another lead of the company.",
    )

    @api.model
    def _find(self, names, company):
        """Return ``{reference: lead}`` for those of these references that are known."""
        refs = self.sudo().search_fetch(
            [("company_id", "=", company.id), ("name", "in", list(names))], ["name", "lead_id"]
        )
        return {ref.name: ref.lead_id.with_env(self.env) for ref in refs}

    @api.model
    def _link(self, lead_by_name, company):
        """Store the references of new leads, in one statement.

        If another transaction took one of them meanwhile, PostgreSQL reports a
        serialization failure, upon which Odoo repeats the request: then
        :meth:`_find` sees the other's lead. A plain insertion would end in an
        error to the client.

        :return: the references that were known before and remain with their lead
        """
        if not lead_by_name:
            return []
        rows = [
            SQL(
                "(%s, %s, %s, %s, %s, %s, %s)",
                name,
                company.id,
                lead.id,
                *[self.env.uid, self.env.cr.now()] * 2,
            )
            for name, lead in lead_by_name.items()
        ]
        stored = self.env.execute_query(
            SQL(
                """
                INSERT INTO crm_lead_external_ref
                       (name, company_id, lead_id, create_uid, create_date, write_uid, write_date)
                VALUES %s
                ON CONFLICT (company_id, name) DO NOTHING
                RETURNING name
                """,
                SQL(", ").join(rows),
            )
        )
        self._invalidate_cache()
        return list(lead_by_name.keys() - {name for (name,) in stored})
