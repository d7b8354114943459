-- A copy of a live database writes to nobody and runs nothing by itself.
UPDATE ir_cron SET active = false
 WHERE id IN (SELECT res_id FROM ir_model_data WHERE module = 'sales_process' AND model = 'ir.cron');
INSERT INTO ir_config_parameter (key, value) VALUES ('sales_process.mail_paused', 'True')
    ON CONFLICT (key) DO UPDATE SET value = 'True';
UPDATE sales_call_connection SET active = false, originate_url = NULL, token_hash = NULL;
