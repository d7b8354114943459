from . import documents, paper, sale_portal
