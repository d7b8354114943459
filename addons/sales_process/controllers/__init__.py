from . import call, documents, dynamics, paper, sale_portal
