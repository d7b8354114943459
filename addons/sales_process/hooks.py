"""What happens once, at installation and at removal."""

from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG
from odoo.tools import SQL


def post_init_hook(env):
    """Fill the stage history of the leads that are there, without writing to them."""
    env["crm.lead.stage.history"]._fill_from_past()


def uninstall_hook(env):
    """Take our open activities along; nobody could complete them any more.

    Then let go of what our rows hold on to (templates, server actions): Odoo deletes
    records before tables, and would leave those behind for good.
    """
    env = env(context={**env.context, MODULE_UNINSTALL_FLAG: True})
    env["mail.activity"].search([("process_task_id", "!=", False)]).unlink()
    # Odoo drops our columns and tables, not what we have added to a column of its own.
    env.cr.execute("DROP INDEX IF EXISTS res_partner__phone_sanitized_index")
    env.flush_all()
    for table, constraint in env.execute_query(_restricting_constraints(env)):
        env.cr.execute(
            SQL("ALTER TABLE %s DROP CONSTRAINT %s", SQL.identifier(table), SQL.identifier(constraint))
        )


def _restricting_constraints(env):
    """Query for the foreign keys of our tables that keep other rows from being deleted."""
    module = __name__.split(".")[2]
    tables = [
        model._table for model in env.registry.values() if model._original_module == module and model._auto
    ]
    return SQL(
        """
        SELECT t.relname, c.conname
          FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
         WHERE c.contype = 'f' AND c.confdeltype IN ('a', 'r') AND t.relname = ANY(%s)
        """,
        tables,
    )
