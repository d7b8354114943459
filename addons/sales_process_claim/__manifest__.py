{
    "name": "Sales Process: Claims OCA",
    "version": "19.0.1.0.0",
    "summary": "Open claims of OCA's crm_claim stand on renewals, before somebody rings the customer up",
    "category": "Sales/CRM",
    "author": "sales_process",
    "license": "AGPL-3",
    "depends": ["sales_process", "crm_claim"],
    "auto_install": True,
    "installable": True,
}
