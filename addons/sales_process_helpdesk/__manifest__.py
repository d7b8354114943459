{
    "name": "Sales Process: Helpdesk OCA",
    "version": "19.0.1.0.0",
    "summary": "Open tickets of OCA's helpdesk stand on renewals, before somebody rings the customer up",
    "category": "Sales/CRM",
    "author": "sales_process",
    "license": "AGPL-3",
    "depends": ["sales_process", "helpdesk_mgmt"],
    "auto_install": True,
    "installable": True,
}
