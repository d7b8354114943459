{
    "name": "Sales Process: VoIP OCA",
    "version": "19.0.1.0.0",
    "summary": "Calls of OCA's softphone land in the call log of the sales process",
    "category": "Sales/CRM",
    "author": "sales_process",
    "license": "AGPL-3",
    "depends": ["sales_process", "voip_oca"],
    "auto_install": True,
    "installable": True,
}
