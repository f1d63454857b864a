/* SPDX-License-Identifier: MIT */
/* File names as a recipient sees them, and the content type that goes with them (SD42). */
#include "mime/filename.h"

#include "base/ascii.h"

/* message/rfc822 is missing on purpose: RFC 2046 forbids base64 for it. */
static const struct {
    const char *suffix;
    const char *type;
} types[] = {
    {"txt", "text/plain"},
    {"log", "text/plain"},
    {"csv", "text/csv"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ics", "text/calendar"},
    {"vcf", "text/vcard"},
    {"xml", "application/xml"},
    {"json", "application/json"},
    {"pdf", "application/pdf"},
    {"rtf", "application/rtf"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"tar", "application/x-tar"},
    {"7z", "application/x-7z-compressed"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"png", "image/png"},
    {"gif", "image/gif"},
    {"bmp", "image/bmp"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"webp", "image/webp"},
    {"wav", "audio/wav"},
    {"mp3", "audio/mpeg"},
    {"amr", "audio/AMR"},
    {"avi", "video/x-msvideo"},
    {"mp4", "video/mp4"},
    {"3gp", "video/3gpp"},
    {"doc", "application/msword"},
    {"xls", "application/vnd.ms-excel"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
};

static struct pm_slice after(struct pm_slice text, size_t n)
{
    return (struct pm_slice){text.ptr + n, text.len - n};
}

struct pm_slice pm__filename(struct pm_slice path)
{
    static const char *const storages[] = {"UFS:", "RAM:", "SD:"};
    for (size_t i = 0; i < sizeof storages / sizeof storages[0]; i++) {
        struct pm_slice prefix = pm__slice(storages[i]);
        if (pm__slice_starts_nocase(path, prefix)) {
            path = after(path, prefix.len);
            break;
        }
    }
    for (size_t i = path.len; i > 0; i--) {
        /* No trail byte of GBK or BIG5 is a slash. */
        if (path.ptr[i - 1] == '/') {
            path = after(path, i);
            break;
        }
    }
    if (path.len == 0 || pm__slice_equal(path, pm__slice(".")) ||
        pm__slice_equal(path, pm__slice(".."))) {
        return pm__slice("attachment");
    }
    return path;
}

const char *pm__content_type(struct pm_slice filename)
{
    size_t dot = filename.len;
    while (dot > 0 && filename.ptr[dot - 1] != '.') {
        dot--;
    }
    /* `dot` is the place after the last dot; a name that only starts with one has no suffix. */
    for (size_t i = 0; dot > 1 && i < sizeof types / sizeof types[0]; i++) {
        if (pm__slice_equal_nocase(after(filename, dot), pm__slice(types[i].suffix))) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}
