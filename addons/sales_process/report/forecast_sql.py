"""SQL that the forecast of today and that of past months share; `engine.forecast` says what it means."""

from odoo.tools import SQL


def sql_day(moment):
    """The day of a moment on the clock of the company whose `address` is joined."""
    return SQL("timezone(COALESCE(NULLIF(address.tz, ''), 'UTC'), timezone('UTC', %s))::date", moment)


def sql_company_days(today):
    """Query for the days of each company's clock, by `company_id`: the `begins` of all days since the first
    stay, as moments in UTC, and the `day_before` them. The day of a moment is then found in a list: turning
    each moment into the time of a zone takes ten times as long. Clocks that go by UTC need no list."""
    return SQL(
        """
        SELECT company.id AS company_id, known.first_day - 1 AS day_before, ARRAY(
                   SELECT timezone('UTC', timezone(COALESCE(NULLIF(address.tz, ''), 'UTC'), day))
                     FROM generate_series(known.first_day::timestamp, %s + interval '2 days', '1 day') day
                    ORDER BY day
               ) AS begins
          FROM res_company company
          LEFT JOIN res_partner address ON address.id = company.partner_id
         CROSS JOIN (SELECT min(date_enter)::date - 2 AS first_day FROM crm_lead_stage_history) known
         WHERE COALESCE(NULLIF(address.tz, ''), 'UTC') != 'UTC'
        """,
        today,
    )


def sql_day_of_company(moment):
    """`sql_day` where `sql_company_days` is left-joined as `clock`; without one the day is that of UTC."""
    return SQL(
        "COALESCE(clock.day_before + width_bucket(%(moment)s, clock.begins), %(moment)s::date)", moment=moment
    )


def sql_chance_joins(known, stage, team, company, age):
    """Joins the chances of a deal: of its `own` team, and of `others`; the first counts where it is there.

    :param known: SQL of the month whose chances count; None: those of now.
    :param age: SQL of the days in the stage. The others: SQL of the ids.
    """

    def join(alias, of_team):
        return SQL(
            """
            LEFT JOIN sales_process_forecast_chance %(alias)s
              ON %(month)s
             AND COALESCE(%(alias)s.stage_id, 0) = COALESCE(%(stage)s, 0)
             AND COALESCE(%(alias)s.company_id, 0) = COALESCE(%(company)s, 0)
             AND %(of_team)s
             AND %(age)s >= %(alias)s.age_from AND %(age)s < COALESCE(%(alias)s.age_to, 1000000)
            """,
            alias=SQL.identifier(alias),
            month=SQL("%s.month = %s", SQL.identifier(alias), known)
            if known
            else SQL("%s.month IS NULL", SQL.identifier(alias)),
            stage=stage,
            company=company,
            of_team=of_team,
            age=age,
        )

    own = join("own", SQL("own.team_id = %s", team))
    return SQL("%s %s", own, join("others", SQL("others.team_id IS NULL")))


def sql_chance(name):
    """A column of the chance that counts."""
    column = SQL.identifier(name)
    return SQL("CASE WHEN own.id IS NULL THEN others.%s ELSE own.%s END", column, column)


def sql_landing(today, entered, deadline):
    """`engine.forecast.landing` of a deal whose chances are joined; all SQL of days."""
    return SQL(
        """
        CASE WHEN %(deadline)s >= %(today)s THEN %(deadline)s
             WHEN %(today)s - %(entered)s <= %(longest)s THEN GREATEST(%(entered)s + %(days)s, %(today)s)
        END
        """,
        today=today,
        entered=entered,
        deadline=deadline,
        days=sql_chance("days"),
        longest=sql_chance("longest"),
    )


# A deal that renews a contract is told of by the contract, as long as that one still runs.
RENEWAL_RUNS = SQL(
    "EXISTS (SELECT FROM sale_order o WHERE o.renewal_lead_id = lead.id AND o.contract_state = 'running')"
)
