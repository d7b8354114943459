"""What stands in braces and `t-` attributes of a document template, read without running it."""

import ast
import re

from lxml import etree, html
from odoo.tools.rendering_tools import parse_inline_template

# Where QWeb expects an expression, and where the name of a variable.
EXPRESSIONS = ("t-out", "t-esc", "t-raw", "t-if", "t-elif", "t-value", "t-foreach", "t-key")
FORMATTED = re.compile(r"(?:\{\{|#\{)(.+?)(?:\}\}|\})")
LOOP_SUFFIXES = ("", "_index", "_first", "_last", "_parity", "_value", "_size", "_odd", "_even", "_all")
ANYTHING = object()
# What QWeb and its sandbox know beside what the template is given.
KNOWN_NAMES = (
    *(
        "True",
        "False",
        "None",
        "true",
        "false",
        "bytes",
        "str",
        "bool",
        "int",
        "float",
        "enumerate",
        "dict",
        "list",
    ),
    *(
        "tuple",
        "map",
        "abs",
        "min",
        "max",
        "sum",
        "reduce",
        "filter",
        "sorted",
        "round",
        "len",
        "repr",
        "set",
        "all",
    ),
    *(
        "any",
        "ord",
        "chr",
        "divmod",
        "isinstance",
        "range",
        "zip",
        "request",
        "env",
        "lang",
        "json",
        "quote_plus",
    ),
    *(
        "time",
        "datetime",
        "relativedelta",
        "image_data_uri",
        "floor",
        "ceil",
        "user_id",
        "res_company",
        "debug",
    ),
    *("keep_query", "test_mode_enabled"),
)


def parse(source):
    """The template as an element; its parts are the children."""
    return html.fragment_fromstring(source or "", create_parent="div")


def unparse(root):
    """The HTML of the parts, without the element around them."""
    text = html.tostring(root, encoding="unicode")
    return text[text.index(">") + 1 : text.rindex("</")]


def spell_out(root):
    """Turn `{{ object.name ||| nobody }}` in the text into the placeholder QWeb knows."""
    for element in list(root.iter(etree.Element)):
        for place in ("text", "tail"):
            text = getattr(element, place)
            if text and "{{" in text:
                _replace_braces(element, place, parse_inline_template(text))


def _replace_braces(element, place, parts):
    """Put `parts` (text before, expression, what stands for an empty value) where the text was."""
    setattr(element, place, None)
    parent = element if place == "text" else element.getparent()
    index = 0 if place == "text" else parent.index(element) + 1
    last, attribute = element, place
    for literal, expression, default in parts:
        setattr(last, attribute, (getattr(last, attribute) or "") + literal)
        if expression:
            placeholder = html.Element("t", {"t-out": expression})
            placeholder.text = default.strip() or None
            parent.insert(index, placeholder)
            last, attribute, index = placeholder, "tail", index + 1


def expressions(root):
    """Every expression of a template, with the variables that are set where it stands.

    Variables are taken as set in the whole template: telling a name that nobody ever sets is
    worth more than telling one that is set too late.
    """
    found = []
    for element in root.iter(etree.Element):
        for name, value in element.attrib.items():
            if name in EXPRESSIONS or name == "t-att" or (name.startswith("t-att-")):
                if value.strip() and value.strip() != "0":
                    found.append(value.strip())
            elif name.startswith("t-attf-"):
                found += [expression.strip() for expression in FORMATTED.findall(value)]
    return found


def variables(root):
    """Names set in the template: `{name: expression or None}`; None where its kind is unknown."""
    names = {}
    for element in root.iter(etree.Element):
        if name := element.get("t-set"):
            names[name] = None if name in names else element.get("t-value")
        if name := element.get("t-as"):
            for suffix in LOOP_SUFFIXES:
                names[name + suffix] = None
            names[name] = element.get("t-foreach")
    return names


class Reader:
    """Follows the paths of placeholders through the fields of models.

    :param env: of whoever writes the template.
    :param known: `{name: model}` of what a template is given; the model is a recordset, a set of
        keys for a dict, or `ANYTHING`.
    """

    def __init__(self, env, known, names=None):
        self.env = env
        self.scope = dict.fromkeys(KNOWN_NAMES, ANYTHING) | known
        for name, expression in (names or {}).items():
            self.scope[name] = self._kind_of(expression)

    def unknown(self, expression):
        """The parts of the expression that nothing stands behind, as they were written."""
        try:
            tree = ast.parse(expression.strip(), mode="eval")
        except (SyntaxError, ValueError):
            return [expression]
        own = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        own |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        problems = []
        for node in ast.walk(tree):
            problem = self._problem(node, own)
            if problem and not any(problem in longer for longer in problems):
                problems.append(problem)
        return problems

    def _problem(self, node, own):
        if isinstance(node, ast.Name):
            return None if node.id in self.scope or node.id in own else node.id
        if isinstance(node, ast.Attribute | ast.Subscript) and self._root(node) not in own:
            return None if self._kind(node) is not None else ast.unparse(node)
        return None

    def _root(self, node):
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            node = node.func if isinstance(node, ast.Call) else node.value
        return node.id if isinstance(node, ast.Name) else None

    def _kind_of(self, expression):
        try:
            kind = self._kind(ast.parse(expression.strip(), mode="eval").body)
        except (SyntaxError, ValueError, AttributeError):
            return ANYTHING
        return ANYTHING if kind is None else kind

    def _kind(self, node):
        """The model an expression leads to, `ANYTHING` where it cannot be told, None where it is wrong."""
        if isinstance(node, ast.Name):
            return self.scope.get(node.id, ANYTHING)
        if isinstance(node, ast.Attribute):
            return self._attribute(self._kind(node.value), node.attr)
        if isinstance(node, ast.Subscript):
            return self._item(self._kind(node.value), node.slice)
        return ANYTHING

    def _attribute(self, kind, name):
        if kind is None or kind is ANYTHING:
            return ANYTHING  # what is wrong before it is named by itself
        if isinstance(kind, frozenset):
            return ANYTHING if hasattr(dict, name) else None
        field = kind._fields.get(name)
        if not field:
            return ANYTHING if hasattr(type(kind), name) else None
        return self.env[field.comodel_name] if field.comodel_name else ANYTHING

    def _item(self, kind, key):
        name = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
        if isinstance(kind, frozenset):
            return ANYTHING if name is None or name in kind else None
        if kind is None or kind is ANYTHING:
            return ANYTHING
        return kind if name is None else self._attribute(kind, name)
