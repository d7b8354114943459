from odoo.tests import TransactionCase, tagged


@tagged("post_install", "-at_install", "sales_process")
class TestAssets(TransactionCase):
    """Odoo shows pages without any style when one file of a bundle does not compile, and no test fails."""

    def test_styles_compile(self):
        for name in ("web.assets_backend", "web.assets_frontend"):
            with self.subTest(name):
                bundle = self.env["ir.qweb"]._get_asset_bundle(name, css=True, js=False)
                self.assertTrue(bundle.preprocess_css())
                self.assertFalse(bundle.css_errors)
