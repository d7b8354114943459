from odoo import api, models

AUTOMATIC = frozenset({"id", *models.MAGIC_COLUMNS})


class SalesProcessRow(models.AbstractModel):
    """A row that code makes and nobody has the right to write: approvals, tasks, letters, papers.

    It is made as superuser, on behalf of whoever acts. Their defaults take no part in it, neither those of
    the context, which a client sends, nor those that users keep for themselves: else whoever asks for an
    approval could say in the same breath that it was given.
    """

    _name = "sales.process.row"
    _description = "Row of a Sales Process"

    @api.model
    def _add_missing_default_values(self, values):
        return super()._add_missing_default_values(self._own_defaults(values) | values)

    @api.model
    def _own_defaults(self, values):
        """What the fields say of themselves, of all that was not given."""
        own = {}
        for name, field in self._fields.items():
            if name in values or not field.store or field.compute or name in AUTOMATIC:
                continue
            if field.default:
                value = field.convert_to_cache(field.default(self), self, validate=False)
                own[name] = field.convert_to_write(value, self)
            else:
                own[name] = [] if field.type in ("one2many", "many2many") else False
        return own
