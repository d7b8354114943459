"""The rules of the process without Odoo: plain values in, plain values out."""
