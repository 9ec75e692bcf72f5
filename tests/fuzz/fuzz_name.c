/* fuzz_name.c - names of directories: what decodes was coded, and coding can be inverted. */
#include "base/mem.h"
#include "base/name.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autofree char *text = strndup((const char *)data, size);
    autofree char *name = NULL, *coded = NULL, *again = NULL, *back = NULL;
    struct err e;
    if (!text)
        return 0;
    (void)name_check_new(text, &e);
    if (name_decode(text, &name, &e) == 0) {
        again = name_encode(name);
        if (!again || strcmp(again, text) != 0)
            __builtin_trap();
    }
    coded = name_encode(text);
    if (!coded || strlen(coded) > NAME_CODED_MAX || strchr(coded, '/'))
        __builtin_trap();
    bool cut =
        strlen(text) * 3 > NAME_CODED_MAX; /* maybe: such a name cannot be told from its code */
    if (*text && !cut && name_decode(coded, &back, &e) == 0 && strcmp(back, text) != 0)
        __builtin_trap();
    return 0;
}
