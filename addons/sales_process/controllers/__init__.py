from . import call, documents, paper, sale_portal
