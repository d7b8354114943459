"""The last clause of a contract stays with the signatures: signatures alone on a page sign nothing."""

from lxml import html

SIGNATURES = 'class="keep signatures"'
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# What is split to find the last clause in it; a list or a table goes as a whole.
CONTAINERS = ("div", "section", "article")
# More than this (some half a page) would leave a hole on the page before.
LONGEST = 1500


def keep_with_signatures(page):
    """The page with the signatures and the clause before them in one block, whatever template wrote them."""
    if SIGNATURES not in page:
        return page
    tree = html.document_fromstring(page)
    for signatures in tree.xpath('//div[@class="keep signatures"]'):
        _join(signatures)
    return html.tostring(tree, encoding="unicode", doctype="<!DOCTYPE html>" if "<!DOCTYPE" in page else None)


def _join(signatures):
    block, before = _what_stands_before(signatures)
    if before is None:
        return
    clause = _last_clause(before)
    heading = _text_before(clause)
    parts = [heading] if heading is not None and heading.tag in HEADINGS else []
    if sum(len(part.text_content()) for part in [*parts, clause]) > LONGEST:
        return
    kept = html.Element("div", {"class": "keep"})
    block.addprevious(kept)
    for part in [*parts, clause, block]:
        kept.append(part)


def _what_stands_before(block):
    """The block that begins with the signatures, their heading included, and what stands before it."""
    before = _text_before(block)
    while before is None or before.tag in HEADINGS:
        block = block.getparent()
        if block is None or block.tag == "body":
            return block, None
        before = _text_before(block)
    return block, before


def _last_clause(block):
    """The last paragraph of a block; a block that is kept together stays whole."""
    while block.tag in CONTAINERS and "keep" not in block.get("class", "").split():
        inner = [child for child in block if isinstance(child.tag, str) and child.text_content().strip()]
        if not inner or (inner[-1].tail or "").strip():
            break
        block = inner[-1]
    return block


def _text_before(block):
    """The nearest element before it, on its level, that says something; None where text stands between."""
    for before in block.itersiblings(preceding=True):
        if (before.tail or "").strip():
            return None
        if isinstance(before.tag, str) and before.text_content().strip():
            return before
    return None
