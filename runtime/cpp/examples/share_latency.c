/* What the way through shared memory costs here, beside the network: one frame at a time, filled and read in place.
 *
 *     nst-rt share --name cam0 --style gogh --size 1920x1080 &
 *     nst_rt_share_latency cam0 1920 1080 200
 *
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nst_rt/share.h"

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

static void print(const char *what, int64_t *times, size_t count)
{
    qsort(times, count, sizeof *times, compare);
    printf(
        "%-26s p50 %9.3f ms   p90 %9.3f ms   p99 %9.3f ms\n", what, (double)times[count / 2] / 1e6,
        (double)times[count * 9 / 10] / 1e6, (double)times[count * 99 / 100] / 1e6);
}

int main(int count, char **arguments)
{
    if (count != 5) {
        fprintf(stderr, "usage: %s NAME WIDTH HEIGHT FRAMES\n", arguments[0]);
        return 2;
    }
    uint32_t width = (uint32_t)strtoul(arguments[2], NULL, 10), height = (uint32_t)strtoul(arguments[3], NULL, 10);
    size_t frames = strtoul(arguments[4], NULL, 10), warm_up = 10;
    int64_t *whole = calloc(frames + 1, sizeof *whole), *server = calloc(frames + 1, sizeof *server);
    int64_t *beside = calloc(frames + 1, sizeof *beside);
    nst_rt_share *share;
    nst_rt_share_code code = nst_rt_share_open(&share, arguments[1], NST_RT_SHARE_BOTH, 5000);
    for (size_t n = 0; code == NST_RT_SHARE_OK && n < frames + warm_up; n++) {
        uint8_t *pixels;
        nst_rt_share_result result;
        code = nst_rt_share_begin(share, width, height, NST_RT_SHARE_BGR24, 60000, &pixels);
        if (code != NST_RT_SHARE_OK)
            break;
        if (n < 3) /* what is drawn is no part of the way */
            memset(pixels, 90, nst_rt_share_frame_bytes(width, height, NST_RT_SHARE_BGR24));
        int64_t began = now_ns();
        nst_rt_share_commit(share, 0, n, NULL);
        code = nst_rt_share_receive(share, &result, 60000);
        int64_t ended = now_ns();
        if (code != NST_RT_SHARE_OK)
            break;
        if (result.status != NST_RT_SHARE_STYLIZED) {
            fprintf(stderr, "frame %" PRIu64 ": %s\n", result.number, result.message);
            return 1;
        }
        if (n >= warm_up) {
            whole[n - warm_up] = ended - began;
            server[n - warm_up] = result.done_ns - result.taken_ns;
            beside[n - warm_up] = whole[n - warm_up] - server[n - warm_up];
        }
        code = nst_rt_share_release(share);
    }
    if (code != NST_RT_SHARE_OK) {
        fprintf(stderr, "%s\n", nst_rt_share_last_error());
        return 1;
    }
    printf("%s, %" PRIu32 "x%" PRIu32 ", %zu frames\n", nst_rt_share_description(share), width, height, frames);
    print("there and back", whole, frames);
    print("in the server", server, frames);
    print("on the way", beside, frames);
    nst_rt_share_close(share);
    free(whole);
    free(server);
    free(beside);
    return 0;
}
