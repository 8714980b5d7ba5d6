/* An image through `nst-rt share`, without any library: binary PPM in, binary PPM out.
 *
 *     nst-rt share --name cam0 --style gogh &
 *     nst_rt_share_image cam0 photo.ppm painted.ppm
 *
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "nst_rt/share.h"
#include "ppm.h"

int main(int count, char **arguments)
{
    int width = 0, height = 0;
    if (count != 4) {
        fprintf(stderr, "usage: %s NAME INPUT.ppm OUTPUT.ppm\n", arguments[0]);
        return 2;
    }
    unsigned char *bgr = ppm_read(arguments[2], &width, &height);
    if (bgr == NULL)
        return 2;
    nst_rt_share *share;
    size_t stride = (size_t)width * 3;
    nst_rt_share_code code = nst_rt_share_open(&share, arguments[1], NST_RT_SHARE_BOTH, 5000);
    if (code == NST_RT_SHARE_OK) {
        fprintf(stderr, "%s\n", nst_rt_share_description(share));
        /* Into the same memory: the frame was copied from it by the time the result comes. */
        code = nst_rt_share_stylize(
            share, bgr, stride, bgr, stride, (uint32_t)width, (uint32_t)height, NST_RT_SHARE_BGR24, 60000);
    }
    if (code != NST_RT_SHARE_OK)
        fprintf(stderr, "%s\n", nst_rt_share_last_error());
    nst_rt_share_close(share);
    int done = code == NST_RT_SHARE_OK && ppm_write(arguments[3], bgr, width, height) == 0;
    free(bgr);
    return done ? 0 : 1;
}
