import io

import polib
from odoo.modules.module import get_module_path
from odoo.tests import TransactionCase, tagged
from odoo.tools.translate import trans_export


@tagged("post_install", "-at_install", "sales_process")
class TestTerms(TransactionCase):
    """What users read can be translated, and is: the catalogues hold just the words there are now."""

    def test_catalogues_are_not_stale(self):
        for name in self._our_modules():
            words = self._words(name)
            for file in (f"{name}.pot", "ru.po") if words else ():
                with self.subTest(f"{name}/i18n/{file}", mend="make translate"):
                    catalogue = polib.pofile(f"{get_module_path(name)}/i18n/{file}")
                    self.assertEqual({entry.msgid for entry in catalogue}, words)

    def _our_modules(self):
        """The core alone, or the bridges: what they tie in adds words of its own to the core's."""
        domain = [("name", "=like", "sales_process%"), ("state", "=", "installed")]
        modules = self.env["ir.module.module"].search(domain)
        return (modules.filtered("auto_install") or modules).mapped("name")

    def _words(self, name):
        exported = io.BytesIO()
        if not trans_export(None, [name], exported, "po", self.env):
            return set()
        return {entry.msgid for entry in polib.pofile(exported.getvalue().decode())}
