"""The customer's page speaks the customer's language; what it leaves behind is read by salespeople."""


def in_team_language(records):
    """These leads or orders in the language of who works on the first of them."""
    first = records[:1].sudo()
    company = first.company_id or records.env.company
    return records.with_context(lang=first.user_id.lang or company.partner_id.lang)
