/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names with any bytes, as a line shows them. */
#include "base/printable.h"

#include "tap.h"

static const struct {
    const char *bytes, *shown, *what;
} cases[] = {
    {"", "", "nothing"},
    {"snapshots/a b", "snapshots/a b", "plain text"},
    {"a\nb\tc\r", "a b c ", "breaks of a line and tabs"},
    {"a\x01\x0b\x0c\x1b\x1e\x7f", "a??????", "control bytes"},
    {"\u2027\u2028\u2029\u202f", "\u2027??????\u202f", "separators of lines"},
    {"\u202e\u2066\u206a", "??????\u206a", "marks that turn text around"},
    {"\u00e9\u20ac\U0001f600\U0010ffff", "\u00e9\u20ac\U0001f600\U0010ffff", "sequences of 2 to 4"},
    {"a\xff\xfe", "a??", "bytes that UTF-8 never has"},
    {"\x80z", "?z", "a continuation alone"},
    {"\xe2\x82", "??", "a sequence cut at the end"},
    {"\xe2\x82z", "??z", "a sequence cut by a letter"},
    {"\xc0\xaf", "??", "an overlong slash"},
    {"\xc1\x8a", "??", "an overlong newline"},
    {"\xc2\xa0", "\xc2\xa0", "the least of two bytes that is shown"},
    {"\xc2\x80\xc2\x9b"
     "2J",
     "????2J", "the control characters of two bytes"},
    {"\xe0\x80\xaf", "???", "an overlong of three"},
    {"\xed\xa0\x80", "???", "a surrogate"},
    {"\xf4\x90\x80\x80", "????", "past the last code point"},
    {"\xf8\x88\x80\x80\x80", "?????", "five bytes"},
};

int main(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[64];
        snprintf(text, sizeof(text), "%s", cases[i].bytes);
        printable(text);
        TAP_STR(text, cases[i].shown, cases[i].what);
    }
    return tap_done();
}
