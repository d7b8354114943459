"""Inside Odoo: a company's leads with their tracked past, and what installing makes of them."""

import time


def fill(env, count):
    """Seconds and rows of filling the stage history of so many leads, moved twice each; rolled back."""
    stages = env["crm.stage"].search([("is_won", "!=", True)], limit=3).ids
    field = env["ir.model.fields"]._get("crm.lead", "stage_id").id
    env.cr.execute(
        """
        INSERT INTO crm_lead (name, type, active, stage_id, probability, won_status, priority,
                              create_date, date_last_stage_update, date_closed)
        SELECT 'Deal ' || n, 'opportunity', n %% 5 != 0, %s, n %% 5 * 10,
               CASE WHEN n %% 5 = 0 THEN 'lost' ELSE 'pending' END, '0',
               now() - interval '90 days', now() - interval '30 days',
               CASE WHEN n %% 5 = 0 THEN now() - interval '10 days' END
          FROM generate_series(1, %s) n
        """,
        (stages[2], count),
    )
    for number in (0, 1):
        env.cr.execute(
            """
            WITH message AS (
                INSERT INTO mail_message (model, res_id, date, message_type)
                SELECT 'crm.lead', id, now() - interval '60 days' + %s * interval '30 days', 'notification'
                  FROM crm_lead WHERE name LIKE 'Deal %%'
                RETURNING id
            )
            INSERT INTO mail_tracking_value (mail_message_id, field_id, old_value_integer, new_value_integer)
            SELECT id, %s, %s, %s FROM message
            """,
            (number, field, stages[number], stages[number + 1]),
        )
    env.cr.execute("ANALYZE crm_lead, mail_message, mail_tracking_value")
    start = time.perf_counter()
    rows = env["crm.lead.stage.history"]._fill_from_past()
    seconds = time.perf_counter() - start
    env.cr.rollback()
    return [seconds, rows]
