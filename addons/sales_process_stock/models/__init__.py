from . import product_product, sale_order, sale_order_line, sales_approval, sales_process_task
