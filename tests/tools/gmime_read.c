/* SPDX-License-Identifier: MIT */
/*
 * Reads mails with GMime, for tests that judge what the composer makes. On standard input each mail
 * has its length in decimal digits and a line feed in front; each is answered with one line of
 * JSON: the decoded header fields, the parts with their decoded names, the size and digest of each
 * part's content, and how many faults GMime found.
 */
#include <gmime/gmime.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_string.h"

static unsigned int faults;

static void note_fault(gint64 offset, GMimeParserWarning kind, const gchar *item, gpointer user)
{
    (void)user;
    faults++;
    fprintf(stderr, "gmime_read: fault %d at %ld: %s\n", (int)kind, (long)offset,
            item != NULL ? item : "");
}

static void put_member(const char *name, const char *text)
{
    printf("\"%s\":", name);
    if (text == NULL) {
        printf("null");
    } else {
        json_string(text, strlen(text));
    }
}

/* ---- header fields ---- */

static void put_addresses(const char *name, InternetAddressList *list)
{
    int count = list != NULL ? internet_address_list_length(list) : 0;
    printf(",\"%s\":[", name);
    for (int i = 0; i < count; i++) {
        InternetAddress *address = internet_address_list_get_address(list, i);
        bool mailbox = INTERNET_ADDRESS_IS_MAILBOX(address);
        printf("%s{", i > 0 ? "," : "");
        put_member("name", internet_address_get_name(address));
        printf(",");
        put_member("address",
                   mailbox ? internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address))
                           : NULL);
        printf("}");
    }
    printf("]");
}

static void put_fields(GMimeMessage *message)
{
    GDateTime *date = g_mime_message_get_date(message);
    put_member("subject", g_mime_message_get_subject(message));
    put_addresses("from", g_mime_message_get_from(message));
    put_addresses("to", g_mime_message_get_to(message));
    put_addresses("cc", g_mime_message_get_cc(message));
    printf(",");
    put_member("id", g_mime_message_get_message_id(message));
    printf(",\"date\":%ld", date != NULL ? (long)g_date_time_to_unix(date) : -1L);
}

/* ---- parts ---- */

static void put_content(GMimePart *part)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeStream *stream = g_mime_stream_mem_new();
    if (content != NULL && g_mime_data_wrapper_write_to_stream(content, stream) < 0) {
        abort();
    }
    GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    gchar *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes->data, bytes->len);
    printf(",\"size\":%u,", bytes->len);
    put_member("sha256", digest);
    g_free(digest);
    g_object_unref(stream);
}

static void put_part(GMimeObject *object)
{
    gchar *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(object));
    GMimeContentDisposition *disposition = g_mime_object_get_content_disposition(object);
    printf("{");
    put_member("type", type);
    printf(",");
    put_member("charset", g_mime_object_get_content_type_parameter(object, "charset"));
    printf(",");
    put_member("encoding", g_mime_object_get_header(object, "Content-Transfer-Encoding"));
    printf(",");
    put_member("disposition", disposition != NULL
                                  ? g_mime_content_disposition_get_disposition(disposition)
                                  : NULL);
    printf(",");
    put_member("name", g_mime_object_get_content_type_parameter(object, "name"));
    printf(",");
    put_member("filename", disposition != NULL
                               ? g_mime_object_get_content_disposition_parameter(object, "filename")
                               : NULL);
    if (GMIME_IS_PART(object)) {
        put_content(GMIME_PART(object));
    }
    printf("}");
    g_free(type);
}

static void put_parts(GMimeMessage *message)
{
    GMimeObject *root = g_mime_message_get_mime_part(message);
    printf(",\"parts\":[");
    if (root != NULL && GMIME_IS_MULTIPART(root)) {
        int count = g_mime_multipart_get_count(GMIME_MULTIPART(root));
        for (int i = 0; i < count; i++) {
            printf("%s", i > 0 ? "," : "");
            put_part(g_mime_multipart_get_part(GMIME_MULTIPART(root), i));
        }
    } else if (root != NULL) {
        put_part(root);
    }
    printf("]");
}

static void read_mail(const char *bytes, size_t len, GMimeParserOptions *options)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes, len);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    faults = 0;
    GMimeMessage *message = g_mime_parser_construct_message(parser, options);
    printf("{");
    if (message != NULL) {
        put_fields(message);
        put_parts(message);
        printf(",");
        g_object_unref(message);
    }
    printf("\"faults\":%u}\n", faults);
    g_object_unref(parser);
    g_object_unref(stream);
}

int main(void)
{
    char line[32];
    g_mime_init();
    GMimeParserOptions *options = g_mime_parser_options_new();
    g_mime_parser_options_set_warning_callback(options, note_fault, NULL);
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t len = strtoul(line, NULL, 10);
        char *bytes = g_malloc(len + 1);
        if (fread(bytes, 1, len, stdin) != len) {
            fprintf(stderr, "gmime_read: the mail ends early\n");
            return 1;
        }
        read_mail(bytes, len, options);
        g_free(bytes);
        if (fflush(stdout) != 0) {
            return 1;
        }
    }
    g_mime_parser_options_free(options);
    g_mime_shutdown();
    return 0;
}
