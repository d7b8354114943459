from . import (
    mail_compose_message,
    sales_approval_refuse,
    sales_call_address,
    sales_contract_coterm,
    sales_contract_coterm_line,
    sales_contract_terminate,
    sales_document_preview,
    sales_process_enroll,
    sales_process_pause,
    sales_process_reassign,
    sales_process_refuse,
    sales_process_skip,
)
