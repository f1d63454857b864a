/* SPDX-License-Identifier: MIT */
/* Settings of the module, not of a port, that AT&F brings back. */
#include "module/internal.h"

void pm__settings_factory(struct pm_module *module)
{
    module->charset = 0;
    pm__kept_factory(module);
    pm__sms_factory(module);
    pm__phonebook_factory(module);
    pm__calls_factory(module);
    pm__equipment_factory(module);
}
