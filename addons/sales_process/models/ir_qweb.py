from odoo import models, tools

from . import paper_placeholders as placeholders

SOURCE_KEY = "sales_process_paper_source"


class IrQweb(models.AbstractModel):
    """A document template is compiled once, and not for each paper made by it."""

    _inherit = "ir.qweb"

    def _generate_code_uncached(self, template):
        source = self.env.context.get(SOURCE_KEY)
        if not isinstance(source, PaperSource) or isinstance(template, int | str):
            return super()._generate_code_uncached(template)
        return self._generate_paper_code(str(source))

    @tools.ormcache(
        "source",
        "tuple(self.env.context.get(key) or False for key in self._get_template_cache_keys())",
        cache="templates",
    )
    def _generate_paper_code(self, source):
        # this is the cached part of that method, apart so that its key is the text
        element = placeholders.parse(source)
        return super()._generate_code_uncached(element)  # pylint: disable=super-method-mismatch


class PaperSource(str):
    """The text of a document template; a type of our own, so that no client can hand one in."""

    __slots__ = ()
