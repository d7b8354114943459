"""Converting amounts inside SQL, by the rates that `res.currency` goes by."""

from odoo.tools import SQL


def sql_factor(source, target, root, day):
    """What to multiply an amount by; 1 where nothing is converted, also for an amount without a company,
    which is one in the reader's currency, as everywhere in crm.

    :param source: SQL of the id of the currency that the amount is in; NULL: none.
    :param target: SQL of the id of the currency that is wanted.
    :param root: SQL of the id of the company whose rates count.
    :param day: SQL of the day whose rate counts.
    """
    return SQL(
        "CASE WHEN %(source)s IS NULL OR %(source)s = %(target)s THEN 1 ELSE %(to)s / %(of)s END",
        source=source,
        target=target,
        to=_sql_rate(target, root, day),
        of=_sql_rate(source, root, day),
    )


def _sql_rate(currency, root, day):
    """The last rate known on that day, else the first one ever."""
    rates = SQL(
        "SELECT r.rate FROM res_currency_rate r WHERE r.currency_id = %s"
        " AND (r.company_id IS NULL OR r.company_id = %s)",
        currency,
        root,
    )
    return SQL(
        "COALESCE((%(rates)s AND r.name <= %(day)s ORDER BY r.company_id, r.name DESC LIMIT 1),"
        " (%(rates)s ORDER BY r.company_id, r.name LIMIT 1), 1.0)",
        rates=rates,
        day=day,
    )


def sql_root(company):
    """The id of the root company of a joined `res_company`."""
    return SQL("split_part(%s, '/', 1)::int", SQL.identifier(company, "parent_path"))
