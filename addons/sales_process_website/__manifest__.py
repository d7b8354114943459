{
    "name": "Sales Process: Website",
    "summary": "A contact form of the website names the process its requests run on",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "author": "sales_process",
    "license": "LGPL-3",
    "depends": ["sales_process", "website_crm"],
    "data": [
        "security/ir.model.access.csv",
        "data/website_form_data.xml",
        "views/crm_lead_views.xml",
    ],
    "assets": {
        "website.website_builder_assets": ["sales_process_website/static/src/**/*"],
    },
    "auto_install": True,
}
