from . import approval, call, documents, dynamics, event_log, paper, sale_portal
