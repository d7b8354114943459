{
    "name": "Stand-in for OCA's crm_claim",
    "version": "19.0.1.0.0",
    "summary": "The fields and stages of its claim that the bridge works with, to test the bridge without it",
    "category": "Hidden/Tests",
    "author": "sales_process",
    "license": "LGPL-3",
    "depends": ["crm"],
    "data": ["security/crm_claim_security.xml", "security/ir.model.access.csv", "data/crm_claim_data.xml"],
    "installable": True,
}
