{
    "name": "Sales Process: Stock",
    "summary": "What can be delivered, and when, stands on a proposal before it is approved and sent",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "author": "sales_process",
    "license": "LGPL-3",
    "depends": ["sales_process", "sale_stock"],
    "data": ["views/sales_approval_views.xml"],
    "assets": {
        "web.assets_backend": ["sales_process_stock/static/src/**/*"],
    },
    "auto_install": True,
}
