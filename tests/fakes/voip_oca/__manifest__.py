{
    "name": "Stand-in for OCA's voip_oca",
    "version": "19.0.1.0.0",
    "summary": "The fields and methods of its call that the bridge works with, to test the bridge without it",
    "category": "Hidden/Tests",
    "author": "sales_process",
    "license": "LGPL-3",
    "depends": ["mail"],
    "data": ["security/ir.model.access.csv"],
    "installable": True,
}
