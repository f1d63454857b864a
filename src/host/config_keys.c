/* SPDX-License-Identifier: MIT */
/* The table of keys. docs/configuration.md is checked against it. */
#include "host/config.h"

#define AT(member)   offsetof(struct pm_options, member)
#define SIZE(member) ((uint8_t)sizeof(((struct pm_options *)0)->member))

#define TEXT(n, m, most, def, doc)                                                            \
    {                                                                                         \
        .name = (n), .type = PM_CONFIG_TEXT, .max = (most), .offset = AT(m), .preset = (def), \
        .help = (doc)                                                                         \
    }
#define SECRET(n, m, most, doc)                                                              \
    {                                                                                        \
        .name = (n), .type = PM_CONFIG_TEXT, .secret = true, .max = (most), .offset = AT(m), \
        .preset = "", .help = (doc)                                                          \
    }
#define CHARS(n, kind, m, least, most, def, doc)                                     \
    {                                                                                \
        .name = (n), .type = (kind), .min = (least), .max = (most), .offset = AT(m), \
        .preset = (def), .help = (doc)                                               \
    }
#define SECRET_DIGITS(n, m, least, most, def, doc)                                            \
    {                                                                                         \
        .name = (n), .type = PM_CONFIG_DIGITS, .secret = true, .min = (least), .max = (most), \
        .offset = AT(m), .preset = (def), .help = (doc)                                       \
    }
#define NUMBER(n, m, least, most, other, def, doc)                                               \
    {                                                                                            \
        .name = (n), .type = PM_CONFIG_NUMBER, .size = SIZE(m), .also = (other), .min = (least), \
        .max = (most), .offset = AT(m), .preset = (def), .help = (doc)                           \
    }
#define BYTES(n, m, least, most, def, doc)                                                    \
    {                                                                                         \
        .name = (n), .type = PM_CONFIG_BYTES, .size = SIZE(m), .min = (least), .max = (most), \
        .offset = AT(m), .preset = (def), .help = (doc)                                       \
    }
#define WORD(n, m, list, def, doc)                                                              \
    {                                                                                           \
        .name = (n), .type = PM_CONFIG_WORD, .size = SIZE(m), .words = (list), .offset = AT(m), \
        .preset = (def), .help = (doc)                                                          \
    }
#define OF_PORT .stride = sizeof(struct pm_port_setting), .count = PM_TERMINALS
#define OF_PDP  .stride = sizeof(struct pm_pdp_setting), .count = PM_PDP_CONTEXTS
#define PORT(n, which, doc)                                                                  \
    {                                                                                        \
        .name = (n), .type = PM_CONFIG_PORT, .min = (which), .max = 255, .offset = AT(port), \
        OF_PORT, .preset = "", .help = (doc)                                                 \
    }
#define PDP_TEXT(n, m, most, hide, doc)                                       \
    {                                                                         \
        .name = (n), .type = PM_CONFIG_TEXT, .secret = (hide), .max = (most), \
        .offset = AT(pdp[0].m), OF_PDP, .preset = "", .help = (doc)           \
    }

#define SIZE_MAX_FILE (1ULL << 40)
#define ON_OFF        "off|on"
#define AUTO_ON_OFF   "auto|on|off"

const struct pm_config_key pm_config_keys[] = {
    /* Ports */
    PORT("port.N.pty", PM_TERMINAL_PTY, "a pty; the value is the symbolic link to make"),
    PORT("port.N.serial", PM_TERMINAL_SERIAL, "a serial line: DEVICE[,BAUD[,rtscts]]"),
    PORT("port.N.tcp", PM_TERMINAL_TCP, "a TCP listener: ADDRESS:PORT, port 0 takes a free one"),
    PORT("port.N.rfc2217", PM_TERMINAL_RFC2217,
         "a listener for RFC 2217 hosts, with DTR, DCD and speed: ADDRESS:PORT as tcp"),
    PORT("port.N.stdio", PM_TERMINAL_STDIO, "standard input and output; the value is on"),
    {.name = "port.N.name",
     .type = PM_CONFIG_TEXT,
     .min = 1,
     .max = 31,
     OF_PORT,
     .offset = AT(port[0].name),
     .preset = "",
     .help = "its name in AT+QURCCFG; by default usbat, usbmodem, uart1, uart2, port5... (CD44)"},
    {.name = "port.N.group",
     .type = PM_CONFIG_TEXT,
     .min = 1,
     .max = 31,
     OF_PORT,
     .offset = AT(port[0].group),
     .preset = "",
     .help = "a group whose members may use the pty, too: a name or number"},
    {.name = "port.N.boot_urcs",
     .type = PM_CONFIG_WORD,
     .size = 1,
     .words = AUTO_ON_OFF,
     OF_PORT,
     .offset = AT(port[0].boot_urcs),
     .preset = "auto",
     .help = "boot URCs on this port; auto: as boot_urcs says"},
    {.name = "port.N.lf_ends_line",
     .type = PM_CONFIG_WORD,
     .size = 1,
     .words = AUTO_ON_OFF,
     OF_PORT,
     .offset = AT(port[0].lf_ends_line),
     .preset = "auto",
     .help = "LF alone ends a command line on this port; auto: as lf_ends_line says"},
    {.name = "port.N.dtr_pin",
     .type = PM_CONFIG_WORD,
     .size = 1,
     .words = "none|dsr|dcd|cts|ri",
     OF_PORT,
     .offset = AT(port[0].dtr_pin),
     .preset = "none",
     .help = "the input of a serial line where the host's DTR arrives, for AT&D1 (CD50)"},
    {.name = "port.N.dcd_pin",
     .type = PM_CONFIG_WORD,
     .size = 1,
     .words = "none|dtr|rts",
     OF_PORT,
     .offset = AT(port[0].dcd_pin),
     .preset = "none",
     .help = "the output of a serial line that the host sees as DCD, for AT&C (CD50)"},
    {.name = "port.N.wait",
     .type = PM_CONFIG_WORD,
     .size = 1,
     .words = ON_OFF,
     OF_PORT,
     .offset = AT(port[0].wait),
     .preset = "off",
     .help = "a serial line that is not there at start is waited for"},
    WORD("boot_urcs", boot_urcs, AUTO_ON_OFF, "auto",
         "RDY, +CFUN: 1 and so on from the start of program or module on; auto: on serial lines "
         "only (CD45)"),
    WORD("lf_ends_line", lf_ends_line, AUTO_ON_OFF, "auto",
         "LF alone ends a command line; auto: on standard input only (CD39)"),

    /* Storage and operation */
    TEXT("state", state_dir, 1000, "",
         "directory that keeps UFS files and profiles; none: a temporary one, removed at exit"),
    BYTES("ufs_size", ufs_size, 4096, SIZE_MAX_FILE, "256M", "size of the UFS storage"),
    BYTES("ram_size", ram_size, 4096, SIZE_MAX_FILE, "256M", "size of the RAM storage"),
    TEXT("sd", sd_dir, 1000, "", "existing directory that serves as SD card; none: no card (CD21)"),
    TEXT("catch", catch_dir, 1000, "",
         "Maildir of the built-in catcher: every mail ends there, no network is touched"),
    WORD("catch_verify", catch_verify, ON_OFF, "off",
         "the module verifies the catcher's certificate against DIR/ca.pem"),
    WORD("catch_faults", catch_faults, ON_OFF, "on",
         "names like fault-550 make the catcher fail on demand: see faults.md"),
    TEXT("trace", trace, 1000, "", "file for every byte of the ports and every SMTP line"),
    WORD("log", log, "error|warning|info|debug", "info", "least important messages to log"),
    NUMBER("drain_seconds", drain_seconds, 0, 86400, 0, "60",
           "how long a running mail may take to end after SIGTERM"),
    NUMBER("arena_size", arena_size, 2048, 1048576, 0, "65536",
           "bytes for the texts of draft, account and contexts; 65536 holds all limits"),

    /* Mail account, preset */
    TEXT("smtp.server", smtp.server, 255, "", "mail server, as AT+QSMTPCFG=\"smtpserver\""),
    NUMBER("smtp.port", smtp.port, 1, 65535, 0, "25", "its port"),
    TEXT("smtp.username", smtp.username, 320, "", "account, as AT+QSMTPCFG=\"account\""),
    SECRET("smtp.password", smtp.password, 2048, "its password; queries never show it (SD8)"),
    TEXT("smtp.password_file", smtp.password_file, 1000, "",
         "file whose first line is the password; in place of smtp.password"),
    TEXT("smtp.auth", smtp.auth, 200, "",
         "AUTH mechanisms that may be used, between commas; none: all, the strongest first (SD64)"),
    TEXT("smtp.token_file", smtp.token_file, 1000, "",
         "file whose first line is a bearer token, used in place of passwords (SD66)"),
    TEXT("smtp.token_command", smtp.token_command, 1000, "",
         "command that prints a bearer token, and on a second line the seconds it lasts (SD66)"),
    WORD("smtp.pipelining", module.pipelining, ON_OFF, "on",
         "commands in groups where the server offers PIPELINING"),
    WORD("smtp.chunking", module.chunking, ON_OFF, "on",
         "BDAT in place of DATA where the server offers CHUNKING (SD75)"),
    TEXT("smtp.sender_name", smtp.sender_name, 128, "", "name, as AT+QSMTPCFG=\"sender\""),
    TEXT("smtp.sender_email", smtp.sender_email, 320, "", "address, as AT+QSMTPCFG=\"sender\""),
    NUMBER("smtp.contextid", smtp.contextid, 1, 16, 0, "1", "PDP context of the mail"),
    NUMBER("smtp.sslctxid", smtp.sslctxid, 0, 5, 0, "1", "SSL context of the mail"),
    NUMBER("smtp.ssltype", smtp.ssltype, 0, 2, 0, "0", "0 plain, 1 SSL, 2 STARTTLS"),

    /* What becomes of the host's mail */
    TEXT("mail.override_server", mail.override_server, 300, "",
         "HOST[:PORT]: mail leaves through this server, whatever the host says (SD70)"),
    WORD("mail.override_tls", mail.override_tls, "none|starttls|tls", "starttls",
         "TLS with it, always verified; sets the default port to 25, 587, 465"),
    TEXT("mail.override_username", mail.override_username, 320, "",
         "account there; none: no AUTH but by tls.client_cert. The host's own account never goes "
         "there"),
    SECRET("mail.override_password", mail.override_password, 2048, "its password"),
    TEXT("mail.override_password_file", mail.override_password_file, 1000, "",
         "file whose first line is the password; in place of mail.override_password"),
    TEXT("mail.from", mail.from, 320, "",
         "address that mail is from, in envelope and header, whatever the host says (SD71)"),
    TEXT("mail.allow_recipients", mail.allow_recipients, 4000, "",
         "who may get mail: addresses and @domains between commas; none: all (SD72)"),
    TEXT("mail.allow_senders", mail.allow_senders, 4000, "",
         "what the host may say that mail is from, likewise"),
    TEXT("mail.rate_limit", mail.rate_limit, 20, "",
         "most mails, as 20/hour (second, minute, hour, day); none: any number (SD73)"),
    WORD("mail.require_tls", module.policy.require_tls, ON_OFF, "off",
         "mail leaves by REQUIRETLS alone: verified TLS, on every leg of its way (SD83)"),
    TEXT("mail.dsn_notify", mail.dsn_notify, 40, "",
         "what servers shall tell the sender by mail: never, or some of success, failure, delay; "
         "none: as they like (SD84)"),
    NUMBER("mail.alarm_seconds", mail.alarm_seconds, 0, 604800, 0, "3600",
           "when mail has failed for so long the log and mail.on_failure tell; 0: never"),
    TEXT("mail.on_failure", mail.on_failure, 1000, "",
         "program that is then run, without arguments: see below"),

    /* Mail */
    WORD("limits", limits, "auto|strict|wide", "auto",
         "lengths and counts of a module, or of real mail accounts; auto: strict with catch, "
         "else wide (SD9)"),
    WORD("recipients", module.recipients, "all|any", "all",
         "deliver only if all, or if any, recipients are accepted (SD35)"),
    NUMBER("reuse_seconds", module.reuse_seconds, 0, 3600, 0, "0",
           "how long a connection is kept after a mail for the next one; 0: not at all (SD78)"),
    WORD("charset_check", module.charset_check, "accept|refuse", "accept",
         "text that does not fit its charset (SD40)"),
    TEXT("fallback_charset", module.fallback_charset, 40, "windows-1252",
         "label of text whose charset cannot be told (SD40)"),
    WORD("mail_clock", module.mail_clock_module, "system|module", "system",
         "clock of the Date field: the system's, or that of AT+CCLK (SD38)"),
    TEXT("ehlo_name", module.ehlo_name, 255, "",
         "domain or address literal in EHLO and Message-ID; none: the host's own (SD38)"),
    TEXT("auth_in_clear", auth_in_clear, 1000, "host",
         "AUTH PLAIN and LOGIN without TLS: host (as a module does), never, or the names of the "
         "servers that may, between commas (SD59)"),
    WORD("tls.verify", tls_verify, "host|always", "host",
         "certificates: as AT+QSSLCFG says, or verified always (SD58)"),
    WORD("tls.system_ca", tls_system_ca, ON_OFF, "on",
         "the system's trust store serves when no cacert is set (SD58)"),
    TEXT("tls.ca_file", tls_ca_file, 1000, "",
         "certificates that are trusted in place of the host's cacert and the system's (SD74)"),
    TEXT("tls.pin_sha256", tls_pins, 400, "",
         "the server must have one of these keys: up to 8 SHA-256 sums in base64, between commas "
         "(SD74)"),
    TEXT("tls.client_cert", tls_client_cert, 1000, "",
         "file of the client's certificate for mail.override_server"),
    TEXT("tls.client_key", tls_client_key, 1000, "", "file of its key, not encrypted"),
    TEXT("dns.servers", dns_servers, 500, "",
         "name servers ADDRESS[:PORT],...; none: those of resolv.conf"),
    NUMBER("dns.port", dns_port, 1, 65535, 0, "53", "port of the servers that AT+QIDNSCFG names"),
    TEXT("dns.hosts", dns_hosts, 1000, "",
         "with catch, the addresses of names: NAME=ADDRESS[ ADDRESS...],... (CD47)"),
    WORD("ping", ping, "auto|icmp|tcp|simulated", "auto",
         "AT+QPING sends echo requests, or connects to port 80, or pretends; auto: the first that "
         "is permitted (CD47)"),

    /* Behaviour of the AT commands */
    WORD("syntax", module.lenient, "strict|lenient", "strict",
         "lenient takes unquoted strings and quoted numbers (SD53)"),
    WORD("att_list_size", module.att_list_size, ON_OFF, "on",
         "AT+QSMTPATT? tells the sizes of the files (SD3)"),
    WORD("mask_password", module.mask_password, ON_OFF, "off",
         "the query of the account shows asterisks (SD7)"),
    WORD("upl_crlf", module.upl_crlf, AUTO_ON_OFF, "auto",
         "CRLF before +QFUPL and +QFWRITE; auto: with ackmode 1 only (CD1, CD24)"),
    WORD("qiact_again", module.qiact_again_ok, "error|ok", "error",
         "AT+QIACT of an active context (CD8)"),
    WORD("boot_profile", module.boot_profile, "ec2x|ag35-cet", "ec2x", "boot URCs (CD20)"),
    WORD("boot_delay", module.boot_delay, ON_OFF, "on",
         "boot URCs come with the delays of a real module (CD45)"),
    NUMBER("connect_delay", module.connect_delay, 0, 10000, 0, "10", "ms before CONNECT (SD25)"),
    NUMBER("urc_gap", module.urc_gap, 0, 10000, 0, "20",
           "least ms between OK and +QSMTPPUT (SD57); with 0 nothing is held apart from what the "
           "host types, either"),
    NUMBER("power_on_delay", module.power_on_delay, 0, 600000, 0, "2000",
           "ms from power down or AT+CFUN=1,1 to the restart (CD43)"),
    NUMBER("power_off_delay", module.power_off_delay, 1, 60000, 0, "1000",
           "ms from AT+QPOWD to POWERED DOWN"),
    WORD("power_off", module.power_off, "restart|stay|exit", "restart",
         "after AT+QPOWD the module starts again, stays off, or leaves, the program with the last "
         "one (CD43)"),
    NUMBER("cfun_delay", module.cfun_delay, 0, 15000, 0, "0",
           "ms that a change by AT+CFUN=0, 1 or 4 takes"),
    NUMBER("qiact_delay", module.qiact_delay, 0, 150000, 0, "0", "ms that AT+QIACT takes"),

    /* Contexts */
    PDP_TEXT("pdp.N.apn", apn, 100, false, "APN, as AT+QICSGP"),
    PDP_TEXT("pdp.N.user", user, 127, false, "user name"),
    PDP_TEXT("pdp.N.password", password, 127, true, "password"),
    {.name = "pdp.N.auth",
     .type = PM_CONFIG_NUMBER,
     .size = 1,
     .max = 3,
     OF_PDP,
     .offset = AT(pdp[0].authentication),
     .preset = "0",
     .help = "0 none, 1 PAP, 2 CHAP, 3 either"},
    {.name = "pdp.N.type",
     .type = PM_CONFIG_NUMBER,
     .size = 1,
     .min = 1,
     .max = 3,
     OF_PDP,
     .offset = AT(pdp[0].type),
     .preset = "",
     .help = "1 IPv4, 2 IPv6, 3 both; none: 1"},
    PDP_TEXT("pdp.N.address", address, 15, false, "IPv4 address that AT+QIACT? shows"),
    PDP_TEXT("pdp.N.address_ipv6", address_ipv6, 45, false, "IPv6 address that AT+QIACT? shows"),
    PDP_TEXT("pdp.N.interface", interface, 15, false,
             "network interface that the context uses; none: as the routes say"),
    PDP_TEXT("pdp.N.source", source, 45, false,
             "own IP address that the context's connections come from; none: as the routes say"),
    {.name = "pdp.N.family",
     .type = PM_CONFIG_WORD,
     .size = 1,
     .words = "type|any",
     OF_PDP,
     .offset = AT(pdp[0].any_family),
     .preset = "type",
     .help = "IP addresses that look-ups and connections use: as the context's type says, or any"},
    {.name = "pdp.N.active_at_start",
     .type = PM_CONFIG_WORD,
     .size = 1,
     .words = ON_OFF,
     OF_PDP,
     .offset = AT(pdp[0].active_at_start),
     .preset = "off",
     .help = "the context is active when the module starts (CD48)"},

    /* Identity and network */
    TEXT("identity.manufacturer", module.manufacturer, 60, "Quectel", "AT+CGMI, ATI (SD56)"),
    TEXT("identity.model", module.model, 60, "AG35", "AT+CGMM, ATI"),
    TEXT("identity.revision", module.revision, 60, "AG35CEVAR05A07T4G", "AT+CGMR, ATI"),
    TEXT("identity.sub_revision", module.sub_revision, 60, "01.001.01.001", "last part of AT+QGMR"),
    TEXT("identity.serial", module.serial, 60, "POSTMODEM0000001", "AT+CGSN=0"),
    CHARS("identity.imei", PM_CONFIG_DIGITS, module.imei, 15, 15, "860000000000009", "AT+CGSN"),
    CHARS("identity.imsi", PM_CONFIG_DIGITS, module.imsi, 15, 15, "001010000000001", "AT+CIMI"),
    CHARS("identity.iccid", PM_CONFIG_DIGITS, module.iccid, 19, 20, "89860000000000000010",
          "AT+QCCID"),
    WORD("network.sim", module.sim, "ready|absent|pin", "ready",
         "the SIM; pin: it asks for its PIN"),
    SECRET_DIGITS("network.sim_pin", module.sim_pin, 4, 8, "1234",
                  "its PIN, until AT+CPWD or AT+CPIN changes it"),
    SECRET_DIGITS("network.sim_puk", module.sim_puk, 8, 8, "12345678", "its PUK"),
    NUMBER("network.registration", module.registration, 0, 5, 0, "1",
           "AT+CREG?: 0 not registered, 1 home, 2 searching, 3 denied, 4 unknown, 5 roaming"),
    NUMBER("network.register_delay", module.register_delay, 0, 600000, 0, "0",
           "ms from a ready SIM until the module is registered; searching till then"),
    TEXT("network.operator", module.operator_name, 60, "POSTMODEM", "AT+COPS?"),
    CHARS("network.operator_numeric", PM_CONFIG_DIGITS, module.operator_numeric, 5, 6, "00101",
          "AT+COPS? in numeric format"),
    TEXT("network.band", module.band, 30, "LTE BAND 3", "AT+QNWINFO"),
    NUMBER("network.channel", module.channel, 0, 65535, 0, "1650", "AT+QNWINFO"),
    CHARS("network.lac", PM_CONFIG_HEX, module.lac, 4, 4, "D509", "area code in AT+CREG?"),
    CHARS("network.cell_id", PM_CONFIG_HEX, module.cell_id, 1, 7, "80D413D", "cell in AT+CREG?"),
    NUMBER("network.rssi", module.rssi, 0, 31, 99, "28", "AT+CSQ, 99 unknown"),
    NUMBER("network.ber", module.ber, 0, 7, 99, "99", "AT+CSQ, 99 unknown"),
};

const size_t pm_config_key_count = sizeof pm_config_keys / sizeof pm_config_keys[0];
