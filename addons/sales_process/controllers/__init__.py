from . import approval, call, countersign, documents, dynamics, event_log, paper, sale_portal
