{
    "name": "Sales Process",
    "version": "19.0.1.0.0",
    "summary": "One executable sales process, from the first sign of a lead to the renewed contract",
    "category": "Sales/CRM",
    "author": "sales_process",
    "license": "LGPL-3",
    "depends": ["crm", "sale_management", "sale_crm", "calendar", "portal"],
    "data": [
        "security/sales_process_groups.xml",
        "security/ir.model.access.csv",
        "security/sales_paper_rules.xml",
        "data/sales_approval_data.xml",
    ],
    "application": True,
    "installable": True,
}
