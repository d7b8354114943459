from odoo import api, fields, models, tools
from odoo.addons.base.models.ir_qweb import QWebError
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tools.rendering_tools import parse_inline_template

from . import paper_placeholders as placeholders
from .ir_qweb import SOURCE_KEY, PaperSource
from .sale_order_paper import BLOCKS, TEXTS

HTML_FIELDS = ("header", "body")
CONTENT_FIELDS = frozenset({*HTML_FIELDS, "footer", "kind", "language_id"})


class SalesDocumentTemplate(models.Model):
    """The text of a proposal, a contract or a letter, and what of the order is put into it.

    Placeholders are rendered by `mail.render.mixin`: `object` is the order, `paper` holds what a paper
    shows, ready to print: texts (`paper['total_words']`) and blocks (`paper['lines']`). Who is not a
    template editor writes only what Odoo allows them; what nothing stands behind is named at saving.

    `version` counts the changes of the content: a document says by which one it was made.
    """

    _name = "sales.document.template"
    _description = "Document Template"
    _inherit = ["mail.render.mixin"]
    _order = "sequence, id"

    _unrestricted_rendering = True

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10, help="Where several templates fit, the first one is taken.")
    kind = fields.Selection(
        [("proposal", "Proposal"), ("contract", "Contract"), ("letter", "Letter")],
        required=True,
        default="proposal",
    )
    language_id = fields.Many2one(
        "res.lang",
        string="For Customers Reading",
        context={"active_test": False},
        help="Used for customers who read this language. Empty: for every customer, in their language as far "
        "as dates, amounts and the blocks go.",
    )
    company_id = fields.Many2one(
        "res.company",
        index="btree_not_null",
        default=lambda self: self.env.company,
        help="Empty: for all companies.",
    )
    header = fields.Html(
        render_engine="qweb",
        sanitize="email_outgoing",
        help="Stands beside the logo. Empty: name and address of the company.",
    )
    body = fields.Html(required=True, render_engine="qweb", sanitize="email_outgoing")
    footer = fields.Text(
        render_engine="inline_template",
        help="At the foot of each page, up to three lines, beside the page number. "
        "Empty: the company and the document's name.",
    )
    version = fields.Integer(default=1, readonly=True, copy=False)
    document_count = fields.Integer(compute="_compute_document_count")

    @api.depends("name", "language_id", "company_id")
    def _compute_display_name(self):
        for template in self:
            code = template.language_id.iso_code
            template.display_name = f"{template.name} ({code})" if code else template.name

    def _compute_render_model(self):
        self.render_model = "sale.order"

    def _compute_document_count(self):
        counts = dict(
            self.env["sales.document"]._read_group(
                [("template_id", "in", self.ids)], ["template_id"], ["__count"]
            )
        )
        for template in self:
            template.document_count = counts.get(template, 0)

    # ------------------------------------------------------------------
    # ORM
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        # Odoo's own check, who may write which placeholder, comes first: it is in super.
        templates = super().create([self._spelled_out(vals) for vals in vals_list])
        templates._check_placeholders()
        self.env.registry.clear_cache()
        return templates

    def write(self, vals):
        """Another text is another version; it is checked as a new one is."""
        if CONTENT_FIELDS.isdisjoint(vals):
            result = super().write(vals)
        else:
            before = {template: template._content() for template in self}
            result = super().write(self._spelled_out(vals))
            for template in self.filtered(lambda template: template._content() != before[template]):
                super(SalesDocumentTemplate, template).write({"version": template.version + 1})
            self._check_placeholders()
        self.env.registry.clear_cache()
        return result

    def _content(self):
        return [self[name] for name in sorted(CONTENT_FIELDS)]

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for template, vals in zip(self, vals_list, strict=True):
            if "name" not in (default or {}):
                vals["name"] = self.env._("%s (copy)", template.name)
        return vals_list

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        """What a document was made by is kept."""
        used = self.env["sales.document"].sudo().search([("template_id", "in", self.ids)], limit=1)
        if used:
            raise UserError(
                self.env._(
                    "Documents were made by the template “%s”. Archive it instead.", used.template_id.name
                )
            )

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

    @api.model
    def _spelled_out(self, vals):
        """Braces in the text as placeholders, and blocks out of the paragraphs they were put into."""
        spelled = dict(vals)
        for name in HTML_FIELDS:
            if vals.get(name):
                root = placeholders.parse(vals[name])
                placeholders.spell_out(root)
                self._free_blocks(root)
                spelled[name] = placeholders.unparse(root)
        return spelled

    @api.model
    def _free_blocks(self, root):
        """A table within a paragraph is no HTML: what holds a block is a division."""
        blocks = {f"paper['{name}']" for name in BLOCKS}
        for element in root.iter("t"):
            parent = element.getparent()
            if element.get("t-out") in blocks and parent is not None and parent.tag == "p":
                parent.tag = "div"

    # ------------------------------------------------------------------
    # CHECKING WHAT IS WRITTEN
    # ------------------------------------------------------------------

    def _check_placeholders(self):
        """Name every placeholder that nothing stands behind; then try the template out.

        :raise ValidationError: with the placeholders, by template and part.
        """
        for template in self:
            problems = template._placeholder_problems() or template._trial_problems()
            if problems:
                raise ValidationError(
                    self.env._(
                        "The template “%(template)s” cannot be saved:\n%(problems)s",
                        template=template.name,
                        problems="\n".join(f"• {text}" for text in problems),
                    )
                )

    def _placeholder_problems(self):
        """Placeholders whose fields, names or keys do not exist, in words."""
        problems = []
        for name in (*HTML_FIELDS, "footer"):
            label = self._fields[name]._description_string(self.env)
            problems += [
                self.env._(
                    "%(part)s: “%(placeholder)s” is not known. Check how it is written, or choose one "
                    "from the list.",
                    part=label,
                    placeholder=unknown,
                )
                for unknown in self._unknown_placeholders(name)
            ]
        return problems

    def _unknown_placeholders(self, name):
        known = dict.fromkeys(self._render_eval_context(), placeholders.ANYTHING)
        known |= {"object": self.env["sale.order"], "user": self.env.user, "paper": frozenset(TEXTS | BLOCKS)}
        if name in HTML_FIELDS:
            root = placeholders.parse(self[name])
            reader = placeholders.Reader(self.env, known, placeholders.variables(root))
            found = placeholders.expressions(root)
        else:
            reader = placeholders.Reader(self.env, known)
            found = [part[1] for part in parse_inline_template(self[name] or "") if part[1]]
        return list(dict.fromkeys(unknown for text in found for unknown in reader.unknown(text)))

    def _trial_problems(self):
        """What goes wrong when the template is rendered for an order; whatever it does is undone."""
        with self.env.cr.savepoint() as savepoint:
            order = self._sample_order()
            try:
                order._process_paper(self.kind, template=self)
                problems = []
            except AccessError:
                raise
            except Exception as error:  # whatever a template may run into
                problems = [self._trial_problem(error)]
            savepoint.rollback()
        return problems

    def _trial_problem(self, error):
        """The placeholder that failed, and why, as far as the renderer tells."""
        cause = error.__cause__ or error
        if isinstance(cause, QWebError):
            return self.env._(
                "%(placeholder)s does not work: %(error)s",
                placeholder=cause.qweb.element or "",
                error=cause.qweb.error,
            )
        return str(error)

    def _sample_order(self):
        """An order to try a template out on: the newest of its kind, or one made up."""
        domain = [("company_id", "=", self.company_id.id)] if self.company_id else []
        if self.kind == "contract":
            domain.append(("contract_date_start", "!=", False))
        order = self.env["sale.order"].search([*domain, ("order_line", "!=", False)], limit=1)
        return order or self.env["sale.order"].new(self._prepare_sample())

    def _prepare_sample(self):
        company = self.company_id or self.env.company
        today = fields.Date.today()
        return {
            "name": "S00001",
            "company_id": company.id,
            "partner_id": company.partner_id.id,
            "user_id": self.env.uid,
            "currency_id": company.currency_id.id,
            "validity_date": today,
            "contract_date_start": today,
            "contract_term_months": 12,
            "contract_our_signatory": self.env.user.name,
            "contract_customer_signatory": self.env.user.name,
            "order_line": [
                Command.create({"name": company.name, "product_uom_qty": 1, "price_unit": 100, "tax_ids": []})
            ],
        }

    # ------------------------------------------------------------------
    # WHICH TEMPLATE
    # ------------------------------------------------------------------

    @api.model
    @tools.ormcache("kind")
    def _ids_of_kind(self, kind):
        """Ids of the templates of a kind, of all companies, in their order."""
        return tuple(self.sudo().search([("kind", "=", kind)]).ids)

    @api.model
    def _find_for(self, order, kind):
        """The template for this paper, and else what is in the way.

        First those of the quotation template, then those of the process, then all; never one of
        another company. Among them the customer's language decides, then the order they stand in.

        :return: (template or empty, None or what is missing and what to do, in words)
        """
        order = order.sudo()
        for templates in (
            order.sale_order_template_id.document_template_ids,
            order.opportunity_id.process_id.document_template_ids,
            self.sudo().browse(self._ids_of_kind(kind)),
        ):
            usable = templates.filtered(lambda t: t.active and t.kind == kind and t._is_for(order)).sorted()
            if usable:
                chosen = usable._in_language(order._process_lang())
                return chosen, None if chosen else usable._language_problem(order, kind)
        return self.sudo().browse(), self._missing_problem(kind)

    def _is_for(self, order):
        """Whether the template is not another company's."""
        self.ensure_one()
        return not self.company_id or self.company_id == order.company_id

    def _in_language(self, code):
        """The first of these in that language, in another country's form of it, or in every language."""
        language = (code or "en_US").split("_")[0]
        exact = self.filtered(lambda template: template.language_id.code == code)
        close = self.filtered(lambda t: (t.language_id.code or "").split("_")[0] == language)
        return (exact or close or self.filtered(lambda template: not template.language_id))[:1]

    @api.model
    def _kind_name(self, kind):
        return dict(self._fields["kind"]._description_selection(self.env))[kind]

    def _language_problem(self, order, kind):
        language = self.env["res.lang"].sudo().with_context(active_test=False)
        return self.env._(
            "no document template of the kind “%(kind)s” is in %(language)s, which %(customer)s reads "
            "(there are: %(known)s). Have one added, or change the customer's language.",
            kind=self._kind_name(kind),
            language=language.search([("code", "=", order._process_lang())], limit=1).name,
            customer=order.partner_id.display_name,
            known=", ".join(self.language_id.mapped("name")),
        )

    @api.model
    def _missing_problem(self, kind):
        return self.env._(
            "there is no document template of the kind “%s”: have one made in the configuration of the "
            "sales process.",
            self._kind_name(kind),
        )

    @api.model
    @tools.ormcache("template_src", "model", cache="templates")
    def _has_unsafe_expression_template_qweb(self, template_src, model, fname=None):
        """As Odoo tells it, but asked once a text: the answer costs as much as rendering."""
        return super()._has_unsafe_expression_template_qweb(template_src, model, fname)

    # ------------------------------------------------------------------
    # RENDERING
    # ------------------------------------------------------------------

    def _uses(self, name):
        """Whether the template speaks of this part of a paper anywhere."""
        return any(name in (self[field] or "") for field in (*HTML_FIELDS, "footer"))

    def _render_paper(self, order, parts):
        """Header and body as HTML, the footer as text, in the language of `order`.

        :param dict parts: what stands in `paper`.
        """
        self.ensure_one()
        source = self.sudo()
        rendered = {}
        for name in (*HTML_FIELDS, "footer"):
            text = source[name] or ""
            renderer = self.with_env(order.env).with_context(**{SOURCE_KEY: PaperSource(text)})
            rendered[name] = renderer._render_template(
                text,
                "sale.order",
                order._ids,
                engine=self._fields[name].render_engine,
                add_context={"paper": parts},
            )[order._ids[0]]
        rendered["footer"] = "\n".join(
            line.strip() for line in rendered["footer"].splitlines() if line.strip()
        )
        return rendered

    # ------------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------------

    @api.model
    @api.readonly
    def get_placeholders(self):
        """What can be put into a template beside the fields of an order, for the editor.

        :return: list of dict with `name` (key of `paper`), `label`, `block` (whether it is more than a word).
        """
        labels = self._placeholder_labels()
        return [{"name": name, "label": labels[name], "block": name in BLOCKS} for name in (*BLOCKS, *TEXTS)]

    @api.model
    def _placeholder_labels(self):
        return {
            "lines": self.env._("Table of lines"),
            "totals": self.env._("Totals with taxes"),
            "options": self.env._("Optional products"),
            "conditions": self.env._("Conditions: validity, payment, delivery"),
            "customer": self.env._("Customer with address"),
            "company": self.env._("Our company with address"),
            "rep": self.env._("Salesperson with phone and e-mail"),
            "signatories": self.env._("Details and signatures of both parties"),
            "special_terms": self.env._("Special terms of the contract"),
            "note": self.env._("Terms and conditions of the order"),
            "number": self.env._("Number"),
            "date": self.env._("Date"),
            "customer_name": self.env._("Customer's name"),
            "contact": self.env._("Customer's contact person"),
            "reference": self.env._("Customer's reference"),
            "company_name": self.env._("Our company's name"),
            "city": self.env._("Our city"),
            "rep_name": self.env._("Salesperson's name"),
            "total": self.env._("Total with taxes"),
            "untaxed": self.env._("Total without taxes"),
            "taxes": self.env._("Amount of taxes"),
            "total_words": self.env._("Total in words"),
            "currency": self.env._("Currency"),
            "validity": self.env._("Valid until"),
            "payment": self.env._("Payment terms"),
            "delivery": self.env._("Delivery date"),
            "our_signatory": self.env._("Our signatory, with position and authority"),
            "their_signatory": self.env._("Customer's signatory, with position and authority"),
            "start": self.env._("Start of the contract"),
            "end": self.env._("End of the contract"),
            "notice_days": self.env._("Days of notice"),
            "tacit": self.env._("Whether the contract renews by itself"),
        }

    def action_preview(self):
        """See the template with the data of a lead or an order."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("sales_process.action_sales_document_preview")
        return action | {"context": {"default_template_id": self.id}}

    def action_view_documents(self):
        """The documents made by this template."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("sales_process.action_sales_document")
        return action | {"domain": [("template_id", "=", self.id)], "context": {}}
