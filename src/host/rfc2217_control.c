/* SPDX-License-Identifier: MIT */
/*
 * The COM-PORT option's commands. Each is answered with what holds afterwards: where that is
 * not what the host has asked for, it was refused. The module knows 8N1 and RTS/CTS only.
 */
#include "host/rfc2217_control.h"

#include <string.h>

/* Commands of the host; the answer has the number plus 100. */
enum {
    SIGNATURE = 0,
    SET_BAUDRATE = 1,
    SET_DATASIZE = 2,
    SET_PARITY = 3,
    SET_STOPSIZE = 4,
    SET_CONTROL = 5,
    NOTIFY_LINESTATE = 6,
    NOTIFY_MODEMSTATE = 7,
    FLOWCONTROL_SUSPEND = 8,
    FLOWCONTROL_RESUME = 9,
    SET_LINESTATE_MASK = 10,
    SET_MODEMSTATE_MASK = 11,
    PURGE_DATA = 12,
    ANSWER = 100
};

enum { DATA_BITS_8 = 8, PARITY_NONE = 1, STOP_BITS_1 = 1 };

/* Values of SET-CONTROL. */
enum {
    FLOW_ASK = 0,
    FLOW_NONE = 1,
    FLOW_XON = 2,
    FLOW_HARDWARE = 3,
    BREAK_ASK = 4,
    BREAK_ON = 5,
    BREAK_OFF = 6,
    DTR_ASK = 7,
    DTR_ON = 8,
    DTR_OFF = 9,
    RTS_ASK = 10,
    RTS_ON = 11,
    RTS_OFF = 12,
    IN_ASK = 13,
    IN_NONE = 14,
    IN_XON = 15,
    IN_HARDWARE = 16,
    FLOW_DCD = 17,
    IN_DTR = 18,
    FLOW_DSR = 19
};

/* NOTIFY-MODEMSTATE: signals, and four bits below each whether it has changed. */
enum { MODEM_CD = 0x80, MODEM_DSR = 0x20, MODEM_CTS = 0x10, MODEM_SIGNALS = 0xF0 };

/* NOTIFY-LINESTATE: the transmitter is empty. There are no errors to tell of. */
#define LINE_EMPTY 0x60

#define SIGNATURE_TEXT "Postmodem " PM_VERSION

/* The longest answer: IAC SB, option, number, text, IAC SE. */
_Static_assert(sizeof SIGNATURE_TEXT + 6 <= PM_RFC2217_REPLY, "the signature is too long");

static void answer(struct pm_rfc2217_control *control, uint8_t command, uint8_t value)
{
    const uint8_t data[] = {(uint8_t)(command + ANSWER), value};
    pm__rfc2217_command(control->filter, data, sizeof data);
}

static void show_modem(struct pm_rfc2217_control *control, uint8_t changes)
{
    answer(control, NOTIFY_MODEMSTATE, (uint8_t)((control->modem | changes) & control->modem_mask));
}

/* ---- SET-CONTROL ------------------------------------------------------------------------- */

/* What is asked for, if it is known and can be had. */
static void set_control(struct pm_rfc2217_control *control, uint8_t value)
{
    switch (value) {
    case FLOW_NONE:
    case FLOW_HARDWARE:
        control->flow_out = value == FLOW_HARDWARE;
        control->flow_in = control->flow_out;
        break;
    case IN_NONE:
    case IN_HARDWARE: control->flow_in = value == IN_HARDWARE; break;
    case BREAK_ON:
    case BREAK_OFF: control->brk = value == BREAK_ON; break;
    case RTS_ON:
    case RTS_OFF:
        control->rts = value == RTS_ON;
        control->owner->rts(control->owner->user, control->rts);
        break;
    case DTR_ON:
    case DTR_OFF:
        control->dtr = value == DTR_ON;
        control->owner->dtr(control->owner->user, control->dtr);
        break;
    default: break;
    }
}

/* What holds of the things that `value` is about; 0 for a value that RFC 2217 does not have. */
static uint8_t present_control(const struct pm_rfc2217_control *control, uint8_t value)
{
    switch (value) {
    case FLOW_ASK:
    case FLOW_NONE:
    case FLOW_XON:
    case FLOW_HARDWARE:
    case FLOW_DCD:
    case FLOW_DSR: return control->flow_out ? FLOW_HARDWARE : FLOW_NONE;
    case IN_ASK:
    case IN_NONE:
    case IN_XON:
    case IN_HARDWARE:
    case IN_DTR: return control->flow_in ? IN_HARDWARE : IN_NONE;
    case BREAK_ASK:
    case BREAK_ON:
    case BREAK_OFF: return control->brk ? BREAK_ON : BREAK_OFF;
    case DTR_ASK:
    case DTR_ON:
    case DTR_OFF: return control->dtr ? DTR_ON : DTR_OFF;
    case RTS_ASK:
    case RTS_ON:
    case RTS_OFF: return control->rts ? RTS_ON : RTS_OFF;
    default: return 0;
    }
}

static void take_control(struct pm_rfc2217_control *control, uint8_t value)
{
    set_control(control, value);
    uint8_t present = present_control(control, value);
    if (present != 0) {
        answer(control, SET_CONTROL, present);
    }
}

/* ---- The other commands ------------------------------------------------------------------- */

static void take_signature(const struct pm_rfc2217_control *control, size_t len)
{
    static const char text[] = SIGNATURE_TEXT;
    uint8_t data[1 + sizeof text - 1];
    if (len > 0) { /* The host's own name. */
        return;
    }
    data[0] = SIGNATURE + ANSWER;
    memcpy(data + 1, text, sizeof text - 1);
    pm__rfc2217_command(control->filter, data, sizeof data);
}

static void take_baudrate(const struct pm_rfc2217_control *control, const uint8_t *data, size_t len)
{
    if (len != 4) {
        return;
    }
    uint32_t wanted = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 |
                      (uint32_t)data[3];
    uint32_t speed = control->owner->speed(control->owner->user, wanted);
    const uint8_t reply[] = {SET_BAUDRATE + ANSWER, (uint8_t)(speed >> 24), (uint8_t)(speed >> 16),
                             (uint8_t)(speed >> 8), (uint8_t)speed};
    pm__rfc2217_command(control->filter, reply, sizeof reply);
}

/* What came before the command has been taken already, so only the way to the host has anything
 * to purge. */
static void take_purge(struct pm_rfc2217_control *control, uint8_t value)
{
    if (value < 1 || value > 3) {
        return;
    }
    if (value != 2) {
        control->owner->purge(control->owner->user);
    }
    answer(control, PURGE_DATA, value);
}

/* Commands with one byte. */
static void take_value(struct pm_rfc2217_control *control, uint8_t command, uint8_t value)
{
    switch (command) {
    case SET_DATASIZE: answer(control, command, DATA_BITS_8); break;
    case SET_PARITY: answer(control, command, PARITY_NONE); break;
    case SET_STOPSIZE: answer(control, command, STOP_BITS_1); break;
    case SET_CONTROL: take_control(control, value); break;
    case SET_LINESTATE_MASK:
        control->line_mask = value;
        answer(control, command, value);
        break;
    case SET_MODEMSTATE_MASK:
        control->modem_mask = value;
        answer(control, command, value);
        break;
    case PURGE_DATA: take_purge(control, value); break;
    default: break;
    }
}

void pm_rfc2217_control_take(struct pm_rfc2217_control *control, const uint8_t *data, size_t len)
{
    if (!control->agreed || len == 0) {
        return;
    }
    switch (data[0]) {
    case SIGNATURE: take_signature(control, len - 1); break;
    case SET_BAUDRATE: take_baudrate(control, data + 1, len - 1); break;
    case NOTIFY_LINESTATE: /* A host that polls. */
        answer(control, NOTIFY_LINESTATE, LINE_EMPTY & control->line_mask);
        break;
    case NOTIFY_MODEMSTATE: show_modem(control, 0); break;
    case FLOWCONTROL_SUSPEND:
    case FLOWCONTROL_RESUME:
        control->owner->suspend(control->owner->user, data[0] == FLOWCONTROL_SUSPEND);
        break;
    default:
        if (len == 2) {
            take_value(control, data[0], data[1]);
        }
        break;
    }
}

/* ---- Signals ------------------------------------------------------------------------------- */

bool pm_rfc2217_control_show(struct pm_rfc2217_control *control,
                             const struct pm_rfc2217_signals *signals)
{
    uint8_t modem = (uint8_t)((signals->dcd ? MODEM_CD : 0) | (signals->dsr ? MODEM_DSR : 0) |
                              (signals->cts ? MODEM_CTS : 0));
    uint8_t changes = (uint8_t)((modem ^ control->modem) >> 4);
    control->modem = modem;
    if (!control->agreed || ((changes | changes << 4) & control->modem_mask) == 0) {
        return false;
    }
    show_modem(control, changes);
    return true;
}

void pm_rfc2217_control_begin(struct pm_rfc2217_control *control)
{
    if (!control->agreed) {
        control->agreed = true;
        show_modem(control, 0);
    }
}

void pm_rfc2217_control_init(struct pm_rfc2217_control *control, struct pm_rfc2217 *filter,
                             const struct pm_rfc2217_owner *owner)
{
    *control = (struct pm_rfc2217_control){
        .filter = filter,
        .owner = owner,
        .dtr = true,
        .rts = true,
        .modem_mask = 0xFF,
    };
}
