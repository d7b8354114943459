import { Component, xml } from "@odoo/owl";
import { parseXML } from "@web/core/utils/xml";
import { Record } from "@web/model/record";
import { extractFieldsFromArchInfo } from "@web/model/relational_model/utils";
import { FormArchParser } from "@web/views/form/form_arch_parser";
import { FormRenderer } from "@web/views/form/form_renderer";

/**
 * A few fields of one record, drawn by Odoo's own widgets; nothing is saved here.
 * What was typed is asked for through the record handed to `onLoaded`.
 */
export class RecordPart extends Component {
    static template = xml`
        <div class="o_form_view o_sales_process_part">
            <Record t-props="recordProps" t-slot-scope="data">
                <FormRenderer record="data.record" archInfo="archInfo" class="'p-0'"/>
            </Record>
        </div>`;
    static components = { Record, FormRenderer };
    static props = { part: Object, context: { type: Object, optional: true }, onLoaded: Function };

    setup() {
        const { part } = this.props;
        const models = { [part.model]: { fields: part.fields } };
        this.archInfo = new FormArchParser().parse(parseXML(part.arch), models, part.model);
        const { activeFields, fields } = extractFieldsFromArchInfo(this.archInfo, part.fields);
        this.recordProps = {
            resModel: part.model,
            resId: part.res_id || undefined,
            fields,
            activeFields,
            mode: "edit",
            context: this.props.context || {},
            hooks: { onRootLoaded: (record) => this.props.onLoaded(record) },
        };
    }
}
