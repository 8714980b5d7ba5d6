/* The handle of the client, and the functions that its source files call in each other. Not installed.
 * SPDX-License-Identifier: MIT */
#ifndef NST_RT_SHARE_HANDLE_H
#define NST_RT_SHARE_HANDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nst_rt/share.h"

#define LONGEST_NAME 100
#define SMALLEST_SIDE 16
#define LARGEST_SIDE 16384
#define LIVENESS_CHECK_MS 100 /* a wait is interrupted after this time, to check that the server is alive */

struct nst_rt_share {
    char name[LONGEST_NAME + 1];
    int roles;       /* that the caller wants */
    int roles_taken; /* that this handle has now */
    int file;        /* -1: not connected */
    uint8_t *memory;
    uint64_t size;
    nst_rt_share_header *header;
    /* Copied when the segment was opened and checked. The values in shared memory are not trusted later. */
    uint32_t slots;
    uint64_t slot_bytes, frame_bytes, frames_offset, results_offset;
    uint64_t next_frame, next_result, first, lost;
    bool begun, held;
    uint32_t width, height, pixel_format; /* of the frame that was begun */
};

#pragma GCC visibility push(hidden)

/* errors.c: stores the message for nst_rt_share_last_error, keeps errno, and returns the code. */
__attribute__((format(printf, 2, 3))) nst_rt_share_code
nst_rt_fail(nst_rt_share_code code, const char *format, ...);

/* roles.c: takes a role, or says who has it. */
nst_rt_share_code nst_rt_take_role(nst_rt_share *share, int role);

/* Gives back the roles that the handle has. */
void nst_rt_leave_roles(nst_rt_share *share);

/* Whether the server is alive and serves. */
bool nst_rt_is_served(const nst_rt_share *share);

/* The same for a new connection. SERVER_GONE without a message: nobody serves. SYSTEM: locks do not work here. */
nst_rt_share_code nst_rt_find_server(const nst_rt_share *share);

/* segment.c: maps the segment of a server. SERVER_GONE without a message: there is no server. */
nst_rt_share_code nst_rt_map_segment(nst_rt_share *share);

/* Gives the roles back and unmaps the segment. */
void nst_rt_unmap_segment(nst_rt_share *share);

/* connection.c: the frames that were sent and have no received result. */
uint64_t nst_rt_unanswered(const nst_rt_share *share);

/* pixel_formats.c: BAD_FRAME unless rows can lie `stride` bytes apart. `call` is named in the message. */
nst_rt_share_code nst_rt_check_stride(const char *call, size_t stride, uint32_t width, uint32_t pixel_format);

/* Copies a frame between places with different strides; YUV formats in one piece. */
void nst_rt_copy_rows(
    uint8_t *to, size_t to_stride, const uint8_t *from, size_t from_stride, uint32_t width, uint32_t height,
    uint32_t pixel_format);

#pragma GCC visibility pop

#endif
