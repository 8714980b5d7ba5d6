/* The segment of a server: a file in /dev/shm, checked and mapped.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* MAP_POPULATE */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handle.h"

/* Whether all slots lie inside the file. Written so that no product or sum can overflow. */
static bool is_valid(const nst_rt_share_header *header, uint64_t size)
{
    uint64_t slots = header->slots, slot_bytes = header->slot_bytes;
    return header->header_bytes == NST_RT_SHARE_HEADER_BYTES && header->segment_bytes == size && slots >= 1 &&
           slots <= NST_RT_SHARE_MAX_SLOTS && header->frames_offset % 64 == 0 && header->results_offset % 64 == 0 &&
           slot_bytes % 64 == 0 && slot_bytes <= size && header->frame_bytes > 0 &&
           slot_bytes > NST_RT_SHARE_SLOT_HEADER_BYTES &&
           header->frame_bytes <= slot_bytes - NST_RT_SHARE_SLOT_HEADER_BYTES &&
           header->frames_offset >= NST_RT_SHARE_HEADER_BYTES && header->frames_offset <= size &&
           header->results_offset <= size &&
           header->results_offset >= header->frames_offset + slots * slot_bytes &&
           size >= header->results_offset + slots * slot_bytes;
}

static nst_rt_share_code map(nst_rt_share *share, const char *path)
{
    struct {
        char magic[8];
        uint32_t version, header_bytes;
    } start;
    struct stat status;
    memset(&start, 0, sizeof start);
    if (pread(share->file, &start, sizeof start, 0) < 0 || fstat(share->file, &status) != 0)
        return nst_rt_fail(
            NST_RT_SHARE_SYSTEM, "%s: cannot be read (%s). Remove it, or choose another name", path, strerror(errno));
    if (memcmp(start.magic, NST_RT_SHARE_MAGIC, sizeof start.magic) != 0)
        return nst_rt_fail(
            NST_RT_SHARE_BAD_SEGMENT, "%s: not a segment of nst-rt. Remove it, or choose another name", path);
    if (start.version != NST_RT_SHARE_VERSION)
        return nst_rt_fail(
            NST_RT_SHARE_BAD_VERSION, "%s: its server speaks version %" PRIu32 " of the protocol, this program version "
            "%d. Take both from one release of nst-rt", share->name, start.version, NST_RT_SHARE_VERSION);
    uint64_t size = (uint64_t)status.st_size;
    void *memory = MAP_FAILED;
    if (size >= NST_RT_SHARE_HEADER_BYTES) {
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, share->file, 0);
        if (memory == MAP_FAILED)
            return nst_rt_fail(
                NST_RT_SHARE_SYSTEM, "%s: cannot be mapped (%s). Free memory, or start the server for smaller frames "
                "or with fewer slots", path, strerror(errno));
    }
    if (memory == MAP_FAILED || !is_valid(memory, size)) {
        if (memory != MAP_FAILED)
            munmap(memory, size);
        return nst_rt_fail(
            NST_RT_SHARE_BAD_SEGMENT, "%s: damaged, its header does not fit its size. End its server and start it "
            "again", path);
    }
    share->memory = memory;
    share->size = size;
    share->header = memory;
    share->slots = share->header->slots;
    share->slot_bytes = share->header->slot_bytes;
    share->frame_bytes = share->header->frame_bytes;
    share->frames_offset = share->header->frames_offset;
    share->results_offset = share->header->results_offset;
    return NST_RT_SHARE_OK;
}

nst_rt_share_code nst_rt_map_segment(nst_rt_share *share)
{
    char path[sizeof "/dev/shm/" NST_RT_SHARE_PREFIX + LONGEST_NAME];
    snprintf(path, sizeof path, "/dev/shm/" NST_RT_SHARE_PREFIX "%s", share->name);
    share->file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (share->file < 0 && errno == ENOENT)
        return NST_RT_SHARE_SERVER_GONE;
    if (share->file < 0 && (errno == EACCES || errno == EPERM))
        return nst_rt_fail(
            NST_RT_SHARE_SYSTEM, "%s: belongs to another user. Run both programs as the same user", path);
    if (share->file < 0)
        return nst_rt_fail(
            NST_RT_SHARE_SYSTEM, "%s: cannot be opened (%s). Remove it, or choose another name", path, strerror(errno));
    nst_rt_share_code code = map(share, path);
    if (code == NST_RT_SHARE_OK)
        code = nst_rt_find_server(share);
    if (code != NST_RT_SHARE_OK)
        nst_rt_unmap_segment(share);
    return code;
}

void nst_rt_unmap_segment(nst_rt_share *share)
{
    nst_rt_leave_roles(share);
    if (share->memory != NULL)
        munmap(share->memory, share->size);
    if (share->file >= 0)
        close(share->file);
    share->file = -1;
    share->memory = NULL;
    share->header = NULL;
    share->begun = share->held = false;
}
