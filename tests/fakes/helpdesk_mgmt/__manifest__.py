{
    "name": "Stand-in for OCA's helpdesk_mgmt",
    "version": "19.0.1.0.0",
    "summary": "The fields and rights of its ticket that the bridge works with, to test it without that",
    "category": "Hidden/Tests",
    "author": "sales_process",
    "license": "LGPL-3",
    "depends": ["mail", "portal"],
    "data": ["security/helpdesk_security.xml", "security/ir.model.access.csv"],
    "installable": True,
}
