from . import approval, call, documents, dynamics, paper, sale_portal
