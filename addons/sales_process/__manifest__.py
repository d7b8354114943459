{
    "name": "Sales Process",
    "version": "19.0.1.0.0",
    "summary": "One executable sales process, from the first sign of a lead to the renewed contract",
    "category": "Sales/CRM",
    "author": "sales_process",
    "license": "LGPL-3",
    "depends": ["crm", "sale_management", "sale_crm", "calendar", "portal"],
    "data": [
        "security/ir.model.access.csv",
        "security/crm_lead_stage_history_security.xml",
    ],
    "post_init_hook": "post_init_hook",
    "application": True,
    "installable": True,
}
