from datetime import timedelta

from odoo import Command, fields
from odoo.addons.sales_process.tests.paper_common import PaperCase
from odoo.tests import tagged


@tagged("post_install", "-at_install", "sales_process")
class TestAvailability(PaperCase):
    """What can be delivered, and when, stands on the task and on the approval."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.warehouse = cls.env["stock.warehouse"].search([("company_id", "=", cls.company.id)], limit=1)
        cls.desk, cls.lamp = cls.env["product.product"].create(
            [{"name": name, "list_price": 100.0, "is_storable": True} for name in ("Desk", "Lamp")]
        )
        cls._put(cls.desk, 8)

    @classmethod
    def _put(cls, product, quantity):
        cls.env["stock.quant"]._update_available_quantity(product, cls.warehouse.lot_stock_id, quantity)

    def _receipt(self, product, quantity, days):
        """Goods that are on their way, and come in so many days."""
        supplier = self.env.ref("stock.stock_location_suppliers")
        move = self.env["stock.move"].create(
            {
                "product_id": product.id,
                "product_uom_qty": quantity,
                "location_id": supplier.id,
                "location_dest_id": self.warehouse.lot_stock_id.id,
                "date": fields.Datetime.now() + timedelta(days=days),
            }
        )
        move._action_confirm()
        move.date = fields.Datetime.now() + timedelta(days=days)
        return move

    def _quotation(self, *wanted):
        """A quotation over (product, quantity), as the rep makes it."""
        order = self._process_order()
        order.order_line.unlink()
        order.order_line = [
            Command.create({"product_id": product.id, "product_uom_qty": quantity})
            for product, quantity in wanted
        ]
        order.opportunity_id.sudo().process_case_id.order_id = order
        return order

    def _day(self, days):
        return fields.Date.context_today(self.env.user) + timedelta(days=days)

    def test_in_stock(self):
        line = self._quotation((self.desk, 8)).order_line
        self.assertFalse(line.process_stock_short)
        self.assertEqual(line.process_stock_text, "in stock")
        self.assertEqual(line.process_stock_date, self._day(0))

    def test_services_say_nothing(self):
        line = self._quotation((self.product, 3)).order_line
        self.assertEqual((line.process_stock_text, line.process_stock_short), (False, False))

    def test_short_and_nothing_planned(self):
        line = self._quotation((self.desk, 10)).order_line
        self.assertTrue(line.process_stock_short)
        self.assertFalse(line.process_stock_date)
        self.assertEqual(line.process_stock_text, "8 of 10 in stock, the rest is not planned")

    def test_short_and_on_its_way(self):
        self._receipt(self.desk, 1, 5)
        self._receipt(self.desk, 5, 12)
        line = self._quotation((self.desk, 10)).order_line
        self.assertTrue(line.process_stock_short, "the customer is promised less time than that")
        self.assertEqual(line.process_stock_date, self._day(12), "the first receipt is not enough")
        self.assertIn("8 of 10 in stock, all on", line.process_stock_text)

    def test_what_others_are_promised_is_not_there(self):
        self._receipt(self.desk, 5, 5)
        going = self._receipt(self.desk, 4, 20)
        going.write(
            {
                "location_id": self.warehouse.lot_stock_id.id,
                "location_dest_id": self.env.ref("stock.stock_location_customers").id,
            }
        )
        line = self._quotation((self.desk, 10)).order_line
        self.assertFalse(line.process_stock_date, "there on day 5, gone again on day 20")

    def test_in_time_by_the_promised_day(self):
        self._receipt(self.desk, 5, 5)
        order = self._quotation((self.desk, 10))
        order.commitment_date = fields.Datetime.now() + timedelta(days=30)
        self.assertFalse(order.order_line.process_stock_short)
        self.assertIn("there by", order.order_line.process_stock_text)

    def test_two_lines_share_what_is_there(self):
        first, second = self._quotation((self.desk, 5), (self.desk, 5)).order_line
        self.assertEqual((first.process_stock_short, second.process_stock_short), (False, True))
        self._receipt(self.desk, 2, 7)
        self.env.invalidate_all()
        self.assertEqual(second.process_stock_date, self._day(7))

    def test_two_orders_do_not_share(self):
        orders = self._quotation((self.desk, 8)) | self._quotation((self.desk, 8))
        self.env.invalidate_all()
        self.assertEqual(orders.order_line.mapped("process_stock_text"), ["in stock", "in stock"])

    def test_another_unit(self):
        order = self._quotation((self.desk, 1))
        order.order_line.product_uom_id = self.env.ref("uom.product_uom_dozen")
        self.assertTrue(order.order_line.process_stock_short, "a dozen is more than 8")

    def test_confirmed_is_no_question_any_more(self):
        order = self.env["sale.order"].create(
            {
                "partner_id": self.customer.id,
                "order_line": [Command.create({"product_id": self.desk.id, "product_uom_qty": 10})],
            }
        )
        self.assertIn("8 of 10", order.order_line.process_stock_text)
        order.action_confirm()
        self.assertFalse(order.order_line.process_stock_text)

    def test_on_the_task(self):
        order = self._quotation((self.desk, 10), (self.product, 1))
        task = order.opportunity_id.sudo().process_open_task_ids[:1]
        task.with_user(self.leader).action_start_from("make_proposal")
        form = self._task(order.opportunity_id, "make_proposal").get_form()
        desk, service = form["order"]["lines"]
        self.assertTrue(desk["stock"]["short"])
        self.assertIn("8 of 10", desk["stock"]["text"])
        self.assertEqual(service["stock"], {"text": "", "short": False})
        self.assertIn("Desk: 8 of 10", form["order"]["stock_warning"])

    def test_on_the_approval(self):
        order = self._quotation((self.desk, 10))
        order._approval_request("proposal")
        approval = order.sudo().approval_ids.with_user(self.leader)
        self.assertIn("Desk: 8 of 10", approval.stock_warning)
        view = approval.get_view(self.env.ref("sales_process.sales_approval_view_form").id, "form")
        self.assertIn("process_stock_text", view["arch"])
        self._put(self.desk, 5)
        self.env.invalidate_all()
        self.assertFalse(approval.stock_warning)

    def test_on_the_page_of_a_mail_s_link(self):
        page = self.env.ref("sales_process.approval_page").get_combined_arch()
        self.assertIn("approval.stock_warning", page)

    def test_cost_does_not_grow_with_the_lines(self):
        self._receipt(self.desk, 5, 5)
        self._receipt(self.lamp, 5, 5)

        def cost(order):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            order.order_line.mapped("process_stock_text")
            return self.env.cr.sql_log_count - before

        few = self._quotation((self.desk, 10), (self.lamp, 10))
        many = self._quotation(*[(self.desk, 1), (self.lamp, 1)] * 20)
        cost(few)
        self.assertLessEqual(cost(many), cost(few) + 2)
