/* SPDX-License-Identifier: MIT */
/* The three worked examples of the manual (chapter 3), as they are typed. */
#include "cli/demo.h"

/* 200 bytes whose checksum is the manual's 707. */
const char pm__demo_file[DEMO_FILE_SIZE + 1] = "time,sensor,value\r\n"
                                               "08:00:00,boiler,71.5\r\n"
                                               "08:10:00,boiler,72.0\r\n"
                                               "08:20:00,boiler,73.5\r\n"
                                               "08:30:00,boiler,78.0\r\n"
                                               "08:40:00,boiler,84.5\r\n"
                                               "08:50:00,boiler,91.0\r\n"
                                               "09:00:00,boiler,96.5\r\n"
                                               "09:01:00,boiler off,000XU\r\n";

/* Step 1: a PDP context. */
static const struct demo_step demo_activate[] = {
    {DEMO_COMMAND, "AT+QICSGP=1,1,\"UNINET\",\"\",\"\",1", NULL},
    {DEMO_COMMAND, "AT+QIACT=1", NULL},
    {DEMO_COMMAND, "AT+QIACT?", "+QIACT: 1,1,1,\"10.7.157.1\"\r\n"},
    {DEMO_COMMAND, "AT+QSMTPCFG=\"contextid\",1", NULL},
    {DEMO_COMMAND, NULL, NULL}};

/* Step 2: server and account. */
static const struct demo_step demo_plain[] = {
    {DEMO_COMMAND, "AT+QSMTPCFG=\"ssltype\",0", NULL},
    {DEMO_COMMAND, "AT+QSMTPCFG=\"smtpserver\",\"smtp.example.com\",25", NULL},
    {DEMO_COMMAND, "AT+QSMTPCFG=\"account\",\"plant\",\"secret\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPCFG=\"sender\",\"Plant 7\",\"plant@example.com\"", NULL},
    {DEMO_COMMAND, NULL, NULL}};

static const struct demo_step demo_ssl[] = {
    {DEMO_COMMAND, "AT+QSMTPCFG=\"ssltype\",1", NULL},
    {DEMO_COMMAND, "AT+QSMTPCFG=\"sslctxid\",1", NULL},
    {DEMO_COMMAND, "AT+QSSLCFG=\"ciphersuite\",1,0xFFFF", NULL},
    {DEMO_COMMAND, "AT+QSSLCFG=\"seclevel\",1,0", NULL},
    {DEMO_COMMAND, "AT+QSSLCFG=\"sslversion\",1,4", NULL},
    {DEMO_COMMAND, "AT+QSMTPCFG=\"smtpserver\",\"smtps.example.net\",465", NULL},
    {DEMO_COMMAND, "AT+QSMTPCFG=\"account\",\"plant@example.net\",\"secret 2\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPCFG=\"sender\",\"Plant 7\",\"plant@example.net\"", NULL},
    {DEMO_COMMAND, NULL, NULL}};

static const struct demo_step demo_starttls[] = {
    {DEMO_COMMAND, "AT+QSMTPCFG=\"ssltype\",2", NULL},
    {DEMO_COMMAND, "AT+QSMTPCFG=\"sslctxid\",1", NULL},
    {DEMO_COMMAND, "AT+QSSLCFG=\"ciphersuite\",1,0xFFFF", NULL},
    {DEMO_COMMAND, "AT+QSSLCFG=\"seclevel\",1,0", NULL},
    {DEMO_COMMAND, "AT+QSSLCFG=\"sslversion\",1,4", NULL},
    {DEMO_COMMAND, "AT+QSMTPCFG=\"smtpserver\",\"mail.example.org\",25", NULL},
    {DEMO_COMMAND, "AT+QSMTPCFG=\"account\",\"shift\",\"secret 3\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPCFG=\"sender\",\"Night shift\",\"shift@example.org\"", NULL},
    {DEMO_COMMAND, NULL, NULL}};

/* Step 3: recipients and subject. */
static const struct demo_step demo_first_mail[] = {
    {DEMO_COMMAND, "AT+QSMTPDST=1,1,\"alarm@example.com\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPDST=1,2,\"engineer@example.com\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPDST=1,3,\"archive@example.com\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPDST?", "+QSMTPDST: 2,\"engineer@example.com\"\r\n"},
    {DEMO_COMMAND, "AT+QSMTPSUB=0,\"TEST SMTP\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPSUB?", "+QSMTPSUB: 0,\"TEST SMTP\"\r\n"},
    {DEMO_COMMAND, NULL, NULL}};

static const struct demo_step demo_second_mail[] = {
    {DEMO_COMMAND, "AT+QSMTPDST=1,1,\"alarm@example.net\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPDST=1,1,\"office@example.net\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPSUB=0,\"TEST SMTP SSL\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPSUB?", "+QSMTPSUB: 0,\"TEST SMTP SSL\"\r\n"},
    {DEMO_COMMAND, NULL, NULL}};

static const struct demo_step demo_third_mail[] = {
    {DEMO_COMMAND, "AT+QSMTPDST=1,1,\"day.shift@example.org\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPSUB=0,\"TEST SMTP STARTTLS\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPSUB?", "+QSMTPSUB: 0,\"TEST SMTP STARTTLS\"\r\n"},
    {DEMO_COMMAND, NULL, NULL}};

/* Step 3 goes on with body and attachment; step 4 sends; step 5 tidies up. */
static const struct demo_step demo_send[] = {
    {DEMO_BODY, "AT+QSMTPBODY=0,100,120", "+QSMTPBODY: 100\r\n"},
    {DEMO_FILE, "AT+QFUPL=\"RAM:test.txt\",200,300,1", "+QFUPL: 200,707\r\n"},
    {DEMO_COMMAND, "AT+QFLST=\"RAM:*\"", "+QFLST: \"RAM:test.txt\",200\r\n"},
    {DEMO_COMMAND, "AT+QSMTPATT=1,1,\"RAM:test.txt\"", NULL},
    {DEMO_COMMAND, "AT+QSMTPATT?", "+QSMTPATT: 1,\"RAM:test.txt\",200\r\n"},
    {DEMO_COMMAND, "AT+QSMTPPUT=300", NULL},
    {DEMO_URC, "+QSMTPPUT:", "+QSMTPPUT: 0,0\r\n"},
    {DEMO_COMMAND, "AT+QSMTPCLR", NULL},
    {DEMO_COMMAND, "AT+QFDEL=\"RAM:test.txt\"", NULL},
    {DEMO_COMMAND, "AT+QIDEACT=1", NULL},
    {DEMO_COMMAND, NULL, NULL}};

static const struct demo_step *const demo_first[] = {demo_activate, demo_plain, demo_first_mail,
                                                     demo_send, NULL};
static const struct demo_step *const demo_second[] = {demo_activate, demo_ssl, demo_second_mail,
                                                      demo_send, NULL};
static const struct demo_step *const demo_third[] = {demo_activate, demo_starttls, demo_third_mail,
                                                     demo_send, NULL};

const struct demo_example pm__demo_examples[DEMO_EXAMPLES] = {
    {
        .title = "Send an email without SSL (3.1)",
        .steps = demo_first,
        .sender = "plant@example.com",
        .recipients = {"alarm@example.com", "engineer@example.com", "archive@example.com"},
        .to = "alarm@example.com",
        .cc = "engineer@example.com",
        .subject = "TEST SMTP",
        .body = "Boiler 2 has reached 96.5 degrees and was\r\n"
                "switched off. The last hour is attached.\r\n"
                "Your plant 7.\r\n",
    },
    {
        .title = "Send an email with SSL (3.2)",
        .steps = demo_second,
        .sender = "plant@example.net",
        .recipients = {"alarm@example.net", "office@example.net"},
        .to = "alarm@example.net, office@example.net",
        .subject = "TEST SMTP SSL",
        .body = "Boiler 2 has cooled down to 60.0 degrees.\r\n"
                "It may be switched on again at any time.\r\n"
                "Your plant 7.\r\n",
        .tls = true,
    },
    {
        .title = "Send an email with STARTTLS (3.3)",
        .steps = demo_third,
        .sender = "shift@example.org",
        .recipients = {"day.shift@example.org"},
        .to = "day.shift@example.org",
        .subject = "TEST SMTP STARTTLS",
        .body = "Boiler 2 is on again after inspection by\r\n"
                "the night shift. All valves are closed.\r\n"
                "The boiler room\r\n",
        .tls = true,
    },
};
