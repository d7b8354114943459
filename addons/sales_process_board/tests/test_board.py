from odoo.tests import HttpCase, new_test_user, tagged


@tagged("post_install", "-at_install", "sales_process_board")
class TestBoard(HttpCase):
    def board(self, user):
        view = self.env.ref("board.board_my_dash_view")
        return self.env["board.board"].with_user(user).get_view(view.id, "form")["arch"]

    def test_it_is_on_the_dashboard_of_those_who_sell(self):
        action = self.env.ref("sales_process_board.action_deals_by_stage")
        rep = new_test_user(self.env, "board-rep", "sales_team.group_sale_salesman")
        other = new_test_user(self.env, "board-other", "base.group_user")
        self.assertIn(f'name="{action.id}"', self.board(rep))
        self.assertNotIn(f'name="{action.id}"', self.board(other))

    def test_it_is_shown(self):
        """Each stage with its deals; a click opens them."""
        rep = new_test_user(
            self.env, "board-shown", "sales_team.group_sale_salesman,base.group_user", password="board-shown"
        )
        self.env["crm.lead"].create(
            [{"name": f"Deal {number}", "type": "opportunity", "user_id": rep.id} for number in range(3)]
        )
        self.browser_js(
            "/odoo/action-board.open_board_my_dash_action",
            """
            const found = setInterval(() => {
                const stage = document.querySelector(".o_sales_process_stages_now .o_stage_now b");
                if (stage && stage.textContent.trim() === "3") {
                    clearInterval(found);
                    console.log("test successful");
                }
            }, 200);
            """,
            login="board-shown",
            timeout=90,
        )
