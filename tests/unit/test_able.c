/* test_able.c - what each libvirt can do, at the versions where that changes. */
#include "model/able.h"
#include "tap.h"

#define SYSTEM "qemu:///system"
#define EMBEDDED "qemu:///embed?root=/x"

int main(void)
{
    TAP_OK(!able(9000000, SYSTEM, ABLE_REVERT_EXTERNAL), "9.0 does not revert to external ones");
    TAP_OK(!able(10010000, SYSTEM, ABLE_REVERT_EXTERNAL), "10.10 is not asked to");
    TAP_OK(!able(11002999, SYSTEM, ABLE_REVERT_EXTERNAL), "nor anything else below 11.3");
    TAP_OK(able(11003000, SYSTEM, ABLE_REVERT_EXTERNAL), "11.3 is");
    TAP_OK(able(12000000, SYSTEM, ABLE_REVERT_EXTERNAL), "and what comes after it");
    TAP_OK(!able(11003000, EMBEDDED, ABLE_REVERT_EXTERNAL), "but not in our own process");
    TAP_OK(!able(9000000, SYSTEM, ABLE_SEE_BRANCHES), "9.0 does not see branches");
    TAP_OK(able(11003000, EMBEDDED, ABLE_SEE_BRANCHES), "11.3 does");
    TAP_OK(able(9000000, SYSTEM, ABLE_NAME_FREELY), "9.0 takes any name");
    TAP_OK(able(10008000, EMBEDDED, ABLE_NAME_FREELY), "so does 10.8");
    TAP_OK(!able(10009000, SYSTEM, ABLE_NAME_FREELY), "10.9 does not");
    return tap_done();
}
