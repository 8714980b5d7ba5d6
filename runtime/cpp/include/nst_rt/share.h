/* Frames to `nst-rt share` and stylised frames back, through shared memory. Linux, x86-64 and aarch64; C11 or C++.
 *
 *     nst_rt_share *share;
 *     if (nst_rt_share_open(&share, "cam0", NST_RT_SHARE_BOTH, 5000) != NST_RT_SHARE_OK)
 *         return fputs(nst_rt_share_last_error(), stderr), 1;
 *     nst_rt_share_stylize(share, bgr, width * 3, stylized, width * 3, width, height, NST_RT_SHARE_BGR24, 5000);
 *     nst_rt_share_close(share);
 *
 * Without copies: nst_rt_share_begin gives the memory of the next frame, nst_rt_share_commit sends it.
 * nst_rt_share_receive gives a result in place, nst_rt_share_release frees its place.
 *
 * Every call returns after its time-out at the latest, and soon after the server died or ended: then it returns
 * NST_RT_SHARE_SERVER_GONE, and nst_rt_share_reconnect waits for the next server. With a negative time-out a call waits
 * as long as the server lives; nst_rt_share_open and nst_rt_share_reconnect wait until there is a server.
 *
 * No frame is lost silently: every frame has one result, in order, and nst_rt_share_lost counts the frames that were
 * lost with a server.
 *
 * Use a handle in one thread, or in two of which one sends and the other receives. Do not use it in a child process
 * after fork(). docs/embedding/shared-memory.md describes the protocol; the structs at the end are its layout.
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
    NST_RT_SHARE_ROLE_TAKEN = 3,  /* another process is the producer, or consumer */
    NST_RT_SHARE_BAD_VERSION = 4, /* the server speaks another version of the protocol */
    NST_RT_SHARE_BAD_SEGMENT = 5, /* not a segment of nst-rt, or a damaged one */
    NST_RT_SHARE_BAD_FRAME = 6,   /* an invalid size, stride or pixel format, or a frame larger than a slot */
    NST_RT_SHARE_BAD_CALL = 7,    /* an invalid argument, or a call at the wrong time */
    NST_RT_SHARE_TORN = 8,        /* a result was changed while it was read: another process writes to the segment */
    NST_RT_SHARE_REFUSED = 9,     /* from nst_rt_share_stylize: there is no stylised frame; the message says why */
    NST_RT_SHARE_SYSTEM = 10      /* a system call failed; errno is set */
} nst_rt_share_code;

/* Roles. Each has one holder at a time; two processes may hold one each. */
enum { NST_RT_SHARE_PRODUCER = 1, NST_RT_SHARE_CONSUMER = 2, NST_RT_SHARE_BOTH = 3 };

/* Pixel formats, with FFmpeg's names. Rows have no padding; planes follow each other. */
enum {
    NST_RT_SHARE_BGR24 = 1, /* the server converts all others */
    NST_RT_SHARE_RGB24 = 2,
    NST_RT_SHARE_RGBA = 3, /* the result has the transparency of the frame */
    NST_RT_SHARE_GRAY = 4,
    NST_RT_SHARE_NV12 = 5,
    NST_RT_SHARE_YUV420P = 6,
    NST_RT_SHARE_YUV422P = 7,
    NST_RT_SHARE_YUV444P = 8
};

/* The status of a result. */
enum {
    NST_RT_SHARE_STYLIZED = 0,
    NST_RT_SHARE_FRAME_REFUSED = 1, /* its size or pixel format is invalid */
    NST_RT_SHARE_FRAME_FAILED = 2,  /* the network failed */
    NST_RT_SHARE_FRAME_TORN = 3     /* it was changed while the server read it */
};

/* One result, in place. */
typedef struct {
    const uint8_t *pixels; /* NULL unless status is NST_RT_SHARE_STYLIZED */
    uint64_t bytes;
    uint64_t number; /* of the frame, from nst_rt_share_commit */
    int64_t time_ns; /* time_ns and tag as they were sent */
    uint64_t tag;
    int64_t sent_ns;  /* when the frame was sent, */
    int64_t taken_ns; /* when the server took it, */
    int64_t done_ns;  /* and when the result was complete; CLOCK_MONOTONIC */
    uint32_t width, height, stride, pixel_format;
    uint32_t status;
    char message[120]; /* why there are no pixels */
} nst_rt_share_result;

/* The version of the protocol that the library was built for. */
uint32_t nst_rt_share_version(void);

/* Why the last call of this thread that failed did so, and what to do next. Never NULL. */
const char *nst_rt_share_last_error(void);

/* Opens the segment `name` of a server (nst-rt share --name) and takes roles. Waits up to timeout_ms for the server.
 * If it fails, *share is NULL: TIMEOUT, ROLE_TAKEN, BAD_VERSION, BAD_SEGMENT, BAD_CALL, SYSTEM. */
nst_rt_share_code nst_rt_share_open(nst_rt_share **share, const char *name, int roles, int timeout_ms);

/* Gives the roles back. NULL is allowed. */
void nst_rt_share_close(nst_rt_share *share);

/* Connects to the next server of the same name. Frame numbers start at 0 again. Results that were not received are
 * lost and counted, so receive until SERVER_GONE first. No other thread may use the handle meanwhile. Returns what
 * nst_rt_share_open returns; after TIMEOUT call it again. */
nst_rt_share_code nst_rt_share_reconnect(nst_rt_share *share, int timeout_ms);

/* Frames that were lost with servers so far: not stylised, or not received. */
uint64_t nst_rt_share_lost(const nst_rt_share *share);

/* The number of this producer's first frame. Results with smaller numbers belong to an earlier producer. */
uint64_t nst_rt_share_first(const nst_rt_share *share);

/* The largest frame that the server was started for. nst_rt_share_room is the limit. */
void nst_rt_share_size(const nst_rt_share *share, uint32_t *width, uint32_t *height);

/* The bytes of the largest frame. */
uint64_t nst_rt_share_room(const nst_rt_share *share);

/* The server's model, style and device. UTF-8; valid until the handle is closed or reconnected. */
const char *nst_rt_share_description(const nst_rt_share *share);

/* The bytes of a frame, and of a row of its first plane; 0 if there is no such frame. */
uint64_t nst_rt_share_frame_bytes(uint32_t width, uint32_t height, uint32_t pixel_format);
uint32_t nst_rt_share_row_bytes(uint32_t width, uint32_t pixel_format);

/* Gives the memory of the next frame: nst_rt_share_frame_bytes, aligned to 64 bytes, with undefined contents. Fill it,
 * then call nst_rt_share_commit; to begin again drops it. TIMEOUT: no room, because results are received more slowly
 * than frames are sent. SERVER_GONE, BAD_FRAME, BAD_SEGMENT, BAD_CALL. */
nst_rt_share_code nst_rt_share_begin(
    nst_rt_share *share, uint32_t width, uint32_t height, uint32_t pixel_format, int timeout_ms, uint8_t **pixels);

/* Sends the frame that was begun. time_ns and tag come back with the result. `number` may be NULL. */
nst_rt_share_code nst_rt_share_commit(nst_rt_share *share, int64_t time_ns, uint64_t tag, uint64_t *number);

/* Begins a frame, copies it from rows that lie `stride` bytes apart, and commits it. The planes of YUV formats must lie
 * in one piece, with the stride nst_rt_share_row_bytes. */
nst_rt_share_code nst_rt_share_send(
    nst_rt_share *share, const uint8_t *pixels, size_t stride, uint32_t width, uint32_t height, uint32_t pixel_format,
    int64_t time_ns, uint64_t tag, int timeout_ms, uint64_t *number);

/* Gives the next result; its pixels are valid until nst_rt_share_release. Also OK for a result without pixels: see
 * result->status. SERVER_GONE comes after the last result of the server. TIMEOUT, TORN, BAD_SEGMENT, BAD_CALL. */
nst_rt_share_code nst_rt_share_receive(nst_rt_share *share, nst_rt_share_result *result, int timeout_ms);

/* Releases the result. TORN: it was changed while you read it, so do not use what you read. */
nst_rt_share_code nst_rt_share_release(nst_rt_share *share);

/* Sends a frame, waits for its result and copies it to rows that lie stylized_stride bytes apart. Results of earlier
 * frames are released. The time-out is for the whole call. REFUSED: there is no stylised frame, and the message says
 * why. */
nst_rt_share_code nst_rt_share_stylize(
    nst_rt_share *share, const uint8_t *pixels, size_t stride, uint8_t *stylized, size_t stylized_stride,
    uint32_t width, uint32_t height, uint32_t pixel_format, int timeout_ms);

/* --- The layout, version 1. Little-endian; every field is aligned to its size. --- */

#define NST_RT_SHARE_MAGIC "NSTRTSHM"
#define NST_RT_SHARE_PREFIX "nst-rt." /* the file is /dev/shm/nst-rt.NAME, the shm_open name /nst-rt.NAME */
#define NST_RT_SHARE_HEADER_BYTES 4096
#define NST_RT_SHARE_SLOT_HEADER_BYTES 256
#define NST_RT_SHARE_MAX_SLOTS 64

enum { NST_RT_SHARE_SERVING = 1, NST_RT_SHARE_ENDED = 2 }; /* state */

/* The byte of the file that the holder of a role has locked (fcntl, F_OFD_SETLK, F_WRLCK). */
enum { NST_RT_SHARE_SERVER_BYTE = 0, NST_RT_SHARE_PRODUCER_BYTE = 1, NST_RT_SHARE_CONSUMER_BYTE = 2 };

typedef struct {
    uint64_t head; /* frames written; the reader waits for its lower half, a futex */
    uint8_t pad0[56];
    uint64_t tail; /* frames released; the writer waits for its lower half, a futex */
    uint8_t pad1[56];
} nst_rt_share_cursors;

typedef struct {
    uint32_t pid;    /* 0 after it left normally */
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
    uint32_t slots;         /* in each direction */
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

/* Slot n % slots holds frame n: this header, then the pixels. */
typedef struct {
    uint64_t sequence; /* 2n + 1 while frame n is written, 2n + 2 when it is complete */
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
