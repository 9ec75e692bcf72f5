/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_capability.c - the abilities of each libvirt, at the versions at which they change. */
#include "model/catalog/capability.h"
#include "tap.h"

int main(void)
{
    TAP_OK(!able(9000000, CAN_SEE_BRANCHES), "9.0 does not see branches");
    TAP_OK(!able(11002999, CAN_SEE_BRANCHES), "nor is any other below 11.3 taken to");
    TAP_OK(able(11003000, CAN_SEE_BRANCHES), "11.3 does");
    TAP_OK(able(12000000, CAN_SEE_BRANCHES), "and what comes after it");
    TAP_OK(able(9000000, CAN_NAME_FREELY), "9.0 takes any name");
    TAP_OK(able(10008000, CAN_NAME_FREELY), "so does 10.8");
    TAP_OK(!able(10009000, CAN_NAME_FREELY), "10.9 does not");
    TAP_OK(!able(9000000, CAN_REDEFINE_BESIDE_CHECKPOINTS), "9.0 minds checkpoints");
    TAP_OK(able(11003000, CAN_REDEFINE_BESIDE_CHECKPOINTS), "11.3 does not");
    return tap_done();
}
