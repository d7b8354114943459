from . import documents
from . import paper
from . import sale_portal
