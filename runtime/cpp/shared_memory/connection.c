/* Opening, closing and reconnecting, and what a connection knows about its server. include/nst_rt/share.h describes the
 * calls, docs/embedding/shared-memory.md the protocol.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* nanosleep, syscall */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "counters.h"
#include "handle.h"

#define RETRY_MS 20 /* between two attempts to find a server */

static bool is_name(const char *name)
{
    size_t length = strlen(name);
    const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return length > 0 && length <= LONGEST_NAME && strspn(name, letters) == length && strchr("._-", name[0]) == NULL;
}

static nst_rt_share_code connect_to(nst_rt_share *share, int timeout_ms)
{
    const struct timespec pause = {0, RETRY_MS * 1000000L};
    int64_t deadline = deadline_after(timeout_ms);
    nst_rt_share_code code;
    while ((code = nst_rt_map_segment(share)) == NST_RT_SHARE_SERVER_GONE) {
        if (now_ns() >= deadline)
            return nst_rt_fail(
                NST_RT_SHARE_TIMEOUT, "%s: no server of this name. Start one first", share->name);
        nanosleep(&pause, NULL);
    }
    if (code == NST_RT_SHARE_OK && (share->roles & NST_RT_SHARE_PRODUCER))
        code = nst_rt_take_role(share, NST_RT_SHARE_PRODUCER);
    if (code == NST_RT_SHARE_OK && (share->roles & NST_RT_SHARE_CONSUMER))
        code = nst_rt_take_role(share, NST_RT_SHARE_CONSUMER);
    if (code != NST_RT_SHARE_OK) {
        nst_rt_unmap_segment(share);
        return code;
    }
    /* The frame that an earlier producer did not finish is dropped; the results that it did not receive are kept. */
    share->next_frame = share->first = load(&share->header->frames.head);
    share->next_result = load(&share->header->results.tail);
    return NST_RT_SHARE_OK;
}

nst_rt_share_code nst_rt_share_open(nst_rt_share **share, const char *name, int roles, int timeout_ms)
{
    if (share == NULL)
        return nst_rt_fail(
            NST_RT_SHARE_BAD_CALL, "nst_rt_share_open: share is a null pointer. Give the address of a handle");
    *share = NULL;
    if (name == NULL || !is_name(name))
        return nst_rt_fail(
            NST_RT_SHARE_BAD_CALL, "'%s' cannot be a name: up to %d letters, digits, dots, dashes and underscores, a "
            "letter or digit first. Choose another, such as cam0", name == NULL ? "" : name, LONGEST_NAME);
    if (roles < NST_RT_SHARE_PRODUCER || roles > NST_RT_SHARE_BOTH)
        return nst_rt_fail(
            NST_RT_SHARE_BAD_CALL, "%s: %d is no role. Take NST_RT_SHARE_PRODUCER, _CONSUMER or _BOTH", name, roles);
    nst_rt_share *made = calloc(1, sizeof *made);
    if (made == NULL)
        return nst_rt_fail(NST_RT_SHARE_SYSTEM, "%s: no memory for the handle. Free some and try again", name);
    strcpy(made->name, name);
    made->roles = roles;
    made->file = -1;
    nst_rt_share_code code = connect_to(made, timeout_ms);
    if (code != NST_RT_SHARE_OK)
        free(made);
    else
        *share = made;
    return code;
}

void nst_rt_share_close(nst_rt_share *share)
{
    if (share != NULL)
        nst_rt_unmap_segment(share);
    free(share);
}

uint64_t nst_rt_unanswered(const nst_rt_share *share)
{
    const nst_rt_share_header *header = share->header;
    /* Atomically, because another thread may send or receive. */
    uint64_t sent = load(share->roles & NST_RT_SHARE_PRODUCER ? &share->next_frame : &header->frames.head);
    uint64_t received = load(share->roles & NST_RT_SHARE_CONSUMER ? &share->next_result : &header->results.head);
    return sent > received ? sent - received : 0;
}

nst_rt_share_code nst_rt_share_reconnect(nst_rt_share *share, int timeout_ms)
{
    if (share == NULL)
        return nst_rt_fail(
            NST_RT_SHARE_BAD_CALL, "nst_rt_share_reconnect: share is a null pointer. Open a connection first");
    if (share->memory != NULL)
        share->lost += nst_rt_unanswered(share);
    nst_rt_unmap_segment(share);
    return connect_to(share, timeout_ms);
}

uint32_t nst_rt_share_version(void)
{
    return NST_RT_SHARE_VERSION;
}

uint64_t nst_rt_share_lost(const nst_rt_share *share)
{
    return share->lost;
}

uint64_t nst_rt_share_first(const nst_rt_share *share)
{
    return share->first;
}

void nst_rt_share_size(const nst_rt_share *share, uint32_t *width, uint32_t *height)
{
    *width = share->header != NULL ? share->header->width : 0;
    *height = share->header != NULL ? share->header->height : 0;
}

uint64_t nst_rt_share_room(const nst_rt_share *share)
{
    return share->memory != NULL ? share->frame_bytes : 0;
}

const char *nst_rt_share_description(const nst_rt_share *share)
{
    return share->header != NULL ? share->header->description : "";
}
