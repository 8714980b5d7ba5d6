/* Frames to `nst-rt share` and stylised frames back, through shared memory. Linux, x86-64 and aarch64; C11 or C++.
 *
 *     nst_rt_share *share;
 *     if (nst_rt_share_open(&share, "cam0", NST_RT_SHARE_BOTH, 5000) != NST_RT_SHARE_OK)
 *         return fputs(nst_rt_share_last_error(), stderr), 1;
 *     nst_rt_share_stylize(share, bgr, width * 3, stylized, width * 3, width, height, NST_RT_SHARE_BGR24, 5000);
 *     nst_rt_share_close(share);
 *
 * Without copies: nst_rt_share_begin gives the memory of the next frame, nst_rt_share_commit sends it;
 * nst_rt_share_receive gives a result in place, nst_rt_share_release lets go of it.
 *
 * Every call returns, at the latest after its time-out, and at once if the server is gone; a server that died or ended
 * is NST_RT_SHARE_SERVER_GONE, and nst_rt_share_reconnect waits for the next. No frame is dropped without being told:
 * every frame has one result, in order; what a server took with it is counted. A negative time-out is none: the call
 * waits as long as the server lives; nst_rt_share_open and nst_rt_share_reconnect wait until one comes.
 *
 * A handle is for one thread, except that one may send and another receive. Do not use it in a child after fork().
 * docs/embedding/shared-memory.md describes the protocol; the structs at the end are its layout.
 *
 * SPDX-License-Identifier: MIT */
#ifndef NST_RT_SHARE_H
#define NST_RT_SHARE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NST_RT_SHARE_VERSION 1 /* of the protocol */

typedef struct nst_rt_share nst_rt_share;

typedef enum {
    NST_RT_SHARE_OK = 0,
    NST_RT_SHARE_TIMEOUT = 1,     /* no server, no room or no result in time; try again */
    NST_RT_SHARE_SERVER_GONE = 2, /* the server ended or was killed: reconnect */
    NST_RT_SHARE_ROLE_TAKEN = 3,  /* there is a producer, or consumer, already */
    NST_RT_SHARE_BAD_VERSION = 4, /* the server speaks another version of the protocol */
    NST_RT_SHARE_BAD_SEGMENT = 5, /* not a segment of nst-rt, or a damaged one */
    NST_RT_SHARE_BAD_FRAME = 6,   /* size, stride or pixel format that cannot be, or larger than a slot */
    NST_RT_SHARE_BAD_CALL = 7,    /* an argument, or the order of calls */
    NST_RT_SHARE_TORN = 8,        /* a result was changed while it was read: somebody else writes to the segment */
    NST_RT_SHARE_REFUSED = 9,     /* of nst_rt_share_stylize: there is no stylised frame, the message says why */
    NST_RT_SHARE_SYSTEM = 10      /* the system said no; errno is set */
} nst_rt_share_code;

/* Roles; each can have one holder at a time, the two may be held by two processes. */
enum { NST_RT_SHARE_PRODUCER = 1, NST_RT_SHARE_CONSUMER = 2, NST_RT_SHARE_BOTH = 3 };

/* Pixel formats, by FFmpeg's names. Rows have no padding, planes follow each other. */
enum {
    NST_RT_SHARE_BGR24 = 1, /* the only one that the server does not convert */
    NST_RT_SHARE_RGB24 = 2,
    NST_RT_SHARE_RGBA = 3, /* the result has the frame's transparency */
    NST_RT_SHARE_GRAY = 4,
    NST_RT_SHARE_NV12 = 5,
    NST_RT_SHARE_YUV420P = 6,
    NST_RT_SHARE_YUV422P = 7,
    NST_RT_SHARE_YUV444P = 8
};

/* What became of a frame. */
enum {
    NST_RT_SHARE_STYLIZED = 0,
    NST_RT_SHARE_FRAME_REFUSED = 1, /* its size or kind cannot be */
    NST_RT_SHARE_FRAME_FAILED = 2,  /* the network could not do it */
    NST_RT_SHARE_FRAME_TORN = 3     /* it was changed while the server read it */
};

/* One result, in place. */
typedef struct {
    const uint8_t *pixels; /* NULL unless status is NST_RT_SHARE_STYLIZED */
    uint64_t bytes;
    uint64_t number; /* of the frame, as nst_rt_share_commit gave it */
    int64_t time_ns; /* as they were sent */
    uint64_t tag;
    int64_t sent_ns;  /* when the frame was whole, */
    int64_t taken_ns; /* the server took it, */
    int64_t done_ns;  /* and the result was whole; CLOCK_MONOTONIC */
    uint32_t width, height, stride, pixel_format;
    uint32_t status;
    char message[120]; /* why there are no pixels */
} nst_rt_share_result;

/* Version of the protocol that the library was built for. */
uint32_t nst_rt_share_version(void);

/* Why the last call in this thread did not return NST_RT_SHARE_OK; what to do next is in it. Never NULL. */
const char *nst_rt_share_last_error(void);

/* Open the segment `name` (as nst-rt share --name has it) and take roles. Waits up to timeout_ms for a server.
 * TIMEOUT, ROLE_TAKEN, BAD_VERSION, BAD_SEGMENT, BAD_CALL, SYSTEM; *share is NULL then. */
nst_rt_share_code nst_rt_share_open(nst_rt_share **share, const char *name, int roles, int timeout_ms);

/* Give the roles back. NULL is fine. */
void nst_rt_share_close(nst_rt_share *share);

/* Leave a server that is gone for the next one of the name. Numbers start at 0 again; results that were not received
 * are lost and counted: receive until SERVER_GONE first. No other thread may use the handle meanwhile. As open; to be
 * called again after TIMEOUT. */
nst_rt_share_code nst_rt_share_reconnect(nst_rt_share *share, int timeout_ms);

/* Frames that servers took with them so far: not stylised, or not received. */
uint64_t nst_rt_share_lost(const nst_rt_share *share);

/* Number of this producer's first frame: results with smaller ones are of frames of the producer before it. */
uint64_t nst_rt_share_first(const nst_rt_share *share);

/* Width and height of the largest frame, as the server was told; what counts is nst_rt_share_room. */
void nst_rt_share_size(const nst_rt_share *share, uint32_t *width, uint32_t *height);

/* Bytes of the largest frame. */
uint64_t nst_rt_share_room(const nst_rt_share *share);

/* What the server says it does: model, style, device; UTF-8, valid until the handle is closed or reconnected. */
const char *nst_rt_share_description(const nst_rt_share *share);

/* Bytes of a frame, and of a row of its first plane; 0 if there is no such frame. */
uint64_t nst_rt_share_frame_bytes(uint32_t width, uint32_t height, uint32_t pixel_format);
uint32_t nst_rt_share_row_bytes(uint32_t width, uint32_t pixel_format);

/* Memory for the next frame (64-byte aligned, nst_rt_share_frame_bytes of it, its contents undefined), to be filled and
 * sent with commit. To begin again instead forgets it. TIMEOUT: no room, results are not received as fast as frames are
 * sent. SERVER_GONE, BAD_FRAME, BAD_CALL. */
nst_rt_share_code nst_rt_share_begin(
    nst_rt_share *share, uint32_t width, uint32_t height, uint32_t pixel_format, int timeout_ms, uint8_t **pixels);

/* Send what was begun. time_ns and tag are the caller's and come back with the result; *number may be NULL. */
nst_rt_share_code nst_rt_share_commit(nst_rt_share *share, int64_t time_ns, uint64_t tag, uint64_t *number);

/* begin, copy from rows that lie `stride` bytes apart, commit. Of YUV all planes in one piece: stride is that of
 * nst_rt_share_row_bytes. */
nst_rt_share_code nst_rt_share_send(
    nst_rt_share *share, const uint8_t *pixels, size_t stride, uint32_t width, uint32_t height, uint32_t pixel_format,
    int64_t time_ns, uint64_t tag, int timeout_ms, uint64_t *number);

/* The next result; its pixels are valid until release. Results that a server had made before it went come before
 * SERVER_GONE. OK also for frames without pixels: see result->status. TIMEOUT, SERVER_GONE, TORN, BAD_CALL. */
nst_rt_share_code nst_rt_share_receive(nst_rt_share *share, nst_rt_share_result *result, int timeout_ms);

/* Let go of the result. TORN: it was changed while you read it; do not use what you read. */
nst_rt_share_code nst_rt_share_release(nst_rt_share *share);

/* Send a frame and copy its result to rows that lie stylized_stride bytes apart; results of frames before it are let
 * go, also to make room for this one. The time-out is for the whole. REFUSED: there is no stylised frame,
 * nst_rt_share_last_error says why. */
nst_rt_share_code nst_rt_share_stylize(
    nst_rt_share *share, const uint8_t *pixels, size_t stride, uint8_t *stylized, size_t stylized_stride,
    uint32_t width, uint32_t height, uint32_t pixel_format, int timeout_ms);

/* --- The layout, version 1. Every field is aligned to its size; little-endian. --- */

#define NST_RT_SHARE_MAGIC "NSTRTSHM"
#define NST_RT_SHARE_PREFIX "nst-rt." /* the file is /dev/shm/nst-rt.NAME, the shm_open name /nst-rt.NAME */
#define NST_RT_SHARE_HEADER_BYTES 4096
#define NST_RT_SHARE_SLOT_HEADER_BYTES 256
#define NST_RT_SHARE_MAX_SLOTS 64

enum { NST_RT_SHARE_SERVING = 1, NST_RT_SHARE_ENDED = 2 }; /* state */

/* Bytes of the file that the holder of a role has locked (fcntl, F_OFD_SETLK, F_WRLCK). */
enum { NST_RT_SHARE_SERVER_BYTE = 0, NST_RT_SHARE_PRODUCER_BYTE = 1, NST_RT_SHARE_CONSUMER_BYTE = 2 };

typedef struct {
    uint64_t head; /* frames written; its lower half is the futex that the reader waits for */
    uint8_t pad0[56];
    uint64_t tail; /* frames let go; its lower half is the futex that the writer waits for */
    uint8_t pad1[56];
} nst_rt_share_cursors;

typedef struct {
    uint32_t pid;    /* 0 once it left in order */
    uint32_t joined; /* holders so far */
    uint64_t start;  /* field 22 of /proc/PID/stat */
    uint8_t pad[48];
} nst_rt_share_holder;

typedef struct {
    char magic[8]; /* the first 32 bytes are the same in every version */
    uint32_t version;
    uint32_t header_bytes;
    uint32_t server_pid;
    uint32_t state;
    uint64_t server_start;
    uint64_t segment_bytes;
    uint32_t width, height; /* of the largest frame */
    uint32_t slots;         /* each way */
    uint32_t pad0;
    uint64_t slot_bytes;     /* from one slot to the next */
    uint64_t frame_bytes;    /* room for pixels in a slot */
    uint64_t frames_offset;  /* first slot from the producer to the server */
    uint64_t results_offset; /* first slot from the server to the consumer */
    uint8_t pad1[40];
    nst_rt_share_cursors frames;
    nst_rt_share_cursors results;
    nst_rt_share_holder producer;
    nst_rt_share_holder consumer;
    char description[256];
    uint8_t pad2[NST_RT_SHARE_HEADER_BYTES - 768];
} nst_rt_share_header;

/* Frame n lies in slot n % slots: this, then its pixels. */
typedef struct {
    uint64_t sequence; /* 2n + 1 while frame n is written, 2n + 2 once it is whole */
    uint64_t number;   /* n */
    int64_t time_ns;
    uint64_t tag;
    uint32_t width, height, stride, pixel_format;
    uint64_t size; /* bytes of all planes */
    int64_t written_ns;
    int64_t sent_ns;  /* of a result: its frame's written_ns */
    int64_t taken_ns; /* of a result */
    uint32_t status;  /* of a result */
    uint8_t pad0[44];
    char message[120];
    uint8_t pad1[8];
} nst_rt_share_slot;

#ifdef __cplusplus
}
static_assert(sizeof(nst_rt_share_header) == NST_RT_SHARE_HEADER_BYTES, "layout");
static_assert(sizeof(nst_rt_share_slot) == NST_RT_SHARE_SLOT_HEADER_BYTES, "layout");
#else
_Static_assert(sizeof(nst_rt_share_header) == NST_RT_SHARE_HEADER_BYTES, "layout");
_Static_assert(offsetof(nst_rt_share_header, frames) == 128, "layout");
_Static_assert(offsetof(nst_rt_share_header, producer) == 384, "layout");
_Static_assert(offsetof(nst_rt_share_header, description) == 512, "layout");
_Static_assert(sizeof(nst_rt_share_slot) == NST_RT_SHARE_SLOT_HEADER_BYTES, "layout");
_Static_assert(offsetof(nst_rt_share_slot, status) == 80, "layout");
_Static_assert(offsetof(nst_rt_share_slot, message) == 128, "layout");
#endif

#endif
