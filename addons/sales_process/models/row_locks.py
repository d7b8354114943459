"""Two at one row: who comes second waits, and is repeated by Odoo where the first has changed something."""

from odoo.tools import SQL


def lock_rows(records):
    """Wait until nobody else has these rows in hand, and keep them until the end of the transaction.

    What another transaction has written to them meanwhile makes this one fail to serialize.
    """
    if records:
        table = SQL.identifier(records._table)
        records.env.cr.execute(
            SQL("SELECT FROM %s WHERE id = ANY(%s) ORDER BY id FOR UPDATE", table, records.ids)
        )


def touch_rows(records):
    """Like `lock_rows`, and leave a mark: who waits for these rows fails to serialize even if nothing else
    of them is written, and so sees the rows that were made beside them."""
    if records:
        table = SQL.identifier(records._table)
        records.env.cr.execute(
            SQL("UPDATE %s SET write_uid = write_uid WHERE id = ANY(%s)", table, records.ids)
        )
