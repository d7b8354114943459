{
    "name": "Sales Process: Dashboards",
    "summary": "Deals by stage now, on everybody's own dashboard",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "author": "sales_process",
    "license": "LGPL-3",
    "depends": ["sales_process", "board"],
    "data": ["views/board_views.xml"],
    "assets": {
        "web.assets_backend": ["sales_process_board/static/src/**/*"],
    },
    "auto_install": True,
}
