/* The C client against a test server, and against files that are no segments. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nst_rt/share.h"
#include "share_test_server.h"

#define CHECK(condition)                                                                                    \
    do {                                                                                                    \
        if (!(condition)) {                                                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                 \
            fprintf(stderr, "  last error: %s\n", nst_rt_share_last_error());                               \
            exit(1);                                                                                        \
        }                                                                                                   \
    } while (0)
#define SAYS(words) CHECK(strstr(nst_rt_share_last_error(), words) != NULL)

enum { WIDTH = 64, HEIGHT = 48, ROW = WIDTH * 3, BYTES = ROW * HEIGHT };

static char name[64];

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static nst_rt_share *opened(int roles)
{
    nst_rt_share *share;
    CHECK(nst_rt_share_open(&share, name, roles, 5000) == NST_RT_SHARE_OK);
    return share;
}

static nst_rt_share_code send_frame(nst_rt_share *share, const uint8_t *frame, uint64_t tag, int timeout_ms)
{
    return nst_rt_share_send(share, frame, ROW, WIDTH, HEIGHT, NST_RT_SHARE_BGR24, 0, tag, timeout_ms, NULL);
}

static nst_rt_share_code stylize_frame(nst_rt_share *share, const uint8_t *frame, uint8_t *stylized, int timeout_ms)
{
    return nst_rt_share_stylize(
        share, frame, ROW, stylized, ROW, WIDTH, HEIGHT, NST_RT_SHARE_BGR24, timeout_ms);
}

static void fill(uint8_t *pixels, uint64_t bytes, uint64_t seed)
{
    for (uint64_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)(seed * 31 + i * (seed % 7 + 1));
}

static bool is_inverse(const uint8_t *pixels, uint64_t bytes, uint64_t seed)
{
    for (uint64_t i = 0; i < bytes; i++)
        if (pixels[i] != (uint8_t)(255 - (uint8_t)(seed * 31 + i * (seed % 7 + 1))))
            return false;
    return true;
}

static void no_server(void)
{
    nst_rt_share *share;
    CHECK(nst_rt_share_open(&share, name, NST_RT_SHARE_BOTH, 50) == NST_RT_SHARE_TIMEOUT);
    CHECK(share == NULL);
    SAYS("no server of this name");
    CHECK(nst_rt_share_open(&share, "../passwd", NST_RT_SHARE_BOTH, 0) == NST_RT_SHARE_BAD_CALL);
    CHECK(nst_rt_share_open(&share, "", NST_RT_SHARE_BOTH, 0) == NST_RT_SHARE_BAD_CALL);
    CHECK(nst_rt_share_open(&share, name, 4, 0) == NST_RT_SHARE_BAD_CALL);
    CHECK(nst_rt_share_open(NULL, name, 3, 0) == NST_RT_SHARE_BAD_CALL);
    nst_rt_share_close(NULL);
}

static void invalid_segments(void)
{
    nst_rt_share *share;
    nst_rt_share_header header;
    memset(&header, 0, sizeof header);
    write_segment(name, "hello", 5);
    CHECK(nst_rt_share_open(&share, name, NST_RT_SHARE_BOTH, 5000) == NST_RT_SHARE_BAD_SEGMENT);
    SAYS("not a segment of nst-rt");
    remove_segment(name);
    memcpy(header.magic, NST_RT_SHARE_MAGIC, 8);
    header.version = NST_RT_SHARE_VERSION + 1;
    write_segment(name, &header, sizeof header);
    CHECK(nst_rt_share_open(&share, name, NST_RT_SHARE_BOTH, 5000) == NST_RT_SHARE_BAD_VERSION);
    SAYS("version 2 of the protocol, this program version 1");
    remove_segment(name);
    header.version = NST_RT_SHARE_VERSION;
    header.header_bytes = NST_RT_SHARE_HEADER_BYTES;
    header.slots = 3;
    header.slot_bytes = (uint64_t)-4096; /* its multiples overflow */
    header.frame_bytes = 1;
    header.frames_offset = header.results_offset = header.segment_bytes = sizeof header;
    write_segment(name, &header, sizeof header);
    CHECK(nst_rt_share_open(&share, name, NST_RT_SHARE_BOTH, 5000) == NST_RT_SHARE_BAD_SEGMENT);
    SAYS("damaged");
    remove_segment(name);
    write_segment(name, &header, 100);
    CHECK(nst_rt_share_open(&share, name, NST_RT_SHARE_BOTH, 5000) == NST_RT_SHARE_BAD_SEGMENT);
    remove_segment(name);
}

static void round_trips(void)
{
    pid_t server = start_server(name, WIDTH, HEIGHT, 3, 0);
    nst_rt_share *share = opened(NST_RT_SHARE_BOTH);
    uint8_t frame[HEIGHT * (ROW + 5)], stylized[HEIGHT * (ROW + 9)];
    uint32_t width, height;
    nst_rt_share_size(share, &width, &height);
    CHECK(width == WIDTH && height == HEIGHT && nst_rt_share_room(share) == WIDTH * HEIGHT * 4);
    CHECK(strcmp(nst_rt_share_description(share), "test server") == 0);
    for (uint64_t n = 0; n < 20; n++) {
        fill(frame, sizeof frame, n);
        memset(stylized, 7, sizeof stylized);
        nst_rt_share_code code = nst_rt_share_stylize(
            share, frame, ROW + 5, stylized, ROW + 9, WIDTH, HEIGHT, NST_RT_SHARE_BGR24, 5000);
        CHECK(code == NST_RT_SHARE_OK);
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < ROW; x++)
                CHECK(stylized[y * (ROW + 9) + x] == 255 - frame[y * (ROW + 5) + x]);
            for (int x = ROW; x < ROW + 9; x++) /* the gaps between the rows stay unchanged */
                CHECK(stylized[y * (ROW + 9) + x] == 7);
        }
    }
    /* Another size and pixel format in the same stream, in place. */
    uint8_t *pixels;
    uint64_t number;
    nst_rt_share_result result;
    CHECK(nst_rt_share_begin(share, 33, 17, NST_RT_SHARE_YUV420P, 0, &pixels) == NST_RT_SHARE_OK);
    CHECK((uintptr_t)pixels % 64 == 0);
    fill(pixels, nst_rt_share_frame_bytes(33, 17, NST_RT_SHARE_YUV420P), 5);
    CHECK(nst_rt_share_commit(share, -12345, 99, &number) == NST_RT_SHARE_OK && number == 20);
    CHECK(nst_rt_share_commit(share, 0, 0, NULL) == NST_RT_SHARE_BAD_CALL);
    CHECK(nst_rt_share_receive(share, &result, 5000) == NST_RT_SHARE_OK);
    CHECK(nst_rt_share_receive(share, &result, 0) == NST_RT_SHARE_BAD_CALL);
    CHECK(result.number == 20 && result.time_ns == -12345 && result.tag == 99);
    CHECK(result.width == 33 && result.height == 17 && result.pixel_format == NST_RT_SHARE_YUV420P);
    CHECK(result.stride == 33 && result.bytes == 33 * 17 + 2 * 17 * 9);
    CHECK(result.sent_ns <= result.taken_ns && result.taken_ns <= result.done_ns);
    CHECK(is_inverse(result.pixels, result.bytes, 5));
    CHECK(nst_rt_share_release(share) == NST_RT_SHARE_OK);
    CHECK(nst_rt_share_release(share) == NST_RT_SHARE_BAD_CALL);
    /* A refused frame has a result, too. */
    CHECK(send_frame(share, frame, 666, 0) == NST_RT_SHARE_OK);
    CHECK(nst_rt_share_receive(share, &result, 5000) == NST_RT_SHARE_OK);
    CHECK(result.status == NST_RT_SHARE_FRAME_REFUSED && result.pixels == NULL);
    CHECK(strcmp(result.message, "the number of the beast") == 0);
    CHECK(nst_rt_share_release(share) == NST_RT_SHARE_OK);
    nst_rt_share_close(share);
    end_server(server);
}

static void invalid_frames(void)
{
    pid_t server = start_server(name, WIDTH, HEIGHT, 1, 0);
    nst_rt_share *share = opened(NST_RT_SHARE_PRODUCER);
    uint8_t frame[1] = {0}, *pixels;
    nst_rt_share_result result;
    CHECK(nst_rt_share_begin(share, 640, 480, NST_RT_SHARE_BGR24, 0, &pixels) == NST_RT_SHARE_BAD_FRAME);
    SAYS("for larger frames");
    CHECK(nst_rt_share_begin(share, 8, 480, NST_RT_SHARE_BGR24, 0, &pixels) == NST_RT_SHARE_BAD_FRAME);
    CHECK(nst_rt_share_begin(share, 0xffffffff, 0xffffffff, NST_RT_SHARE_BGR24, 0, &pixels) == NST_RT_SHARE_BAD_FRAME);
    CHECK(nst_rt_share_begin(share, 64, 48, 9, 0, &pixels) == NST_RT_SHARE_BAD_FRAME);
    SAYS("no pixel format 9. Take one of bgr24 (1), ");
    CHECK(nst_rt_share_send(share, frame, 10, 64, 48, 9, 0, 0, 0, NULL) == NST_RT_SHARE_BAD_FRAME);
    SAYS("no pixel format 9");
    CHECK(nst_rt_share_begin(share, 64, 48, 0, 0, &pixels) == NST_RT_SHARE_BAD_FRAME && pixels == NULL);
    CHECK(nst_rt_share_send(share, frame, 10, 64, 48, NST_RT_SHARE_BGR24, 0, 0, 0, NULL) == NST_RT_SHARE_BAD_FRAME);
    SAYS("rows of 10 bytes");
    CHECK(nst_rt_share_send(share, frame, 80, 64, 48, NST_RT_SHARE_NV12, 0, 0, 0, NULL) == NST_RT_SHARE_BAD_FRAME);
    SAYS("one piece");
    CHECK(nst_rt_share_receive(share, &result, 0) == NST_RT_SHARE_BAD_CALL);
    CHECK(nst_rt_share_stylize(share, frame, ROW, frame, ROW, 64, 48, NST_RT_SHARE_BGR24, 0) == NST_RT_SHARE_BAD_CALL);
    nst_rt_share_close(share);
    end_server(server);
}

static void roles_and_room(void)
{
    pid_t server = start_server(name, WIDTH, HEIGHT, 2, 1);
    nst_rt_share *producer = opened(NST_RT_SHARE_PRODUCER), *consumer = opened(NST_RT_SHARE_CONSUMER), *third;
    nst_rt_share_result result;
    uint8_t frame[BYTES] = {0};
    CHECK(nst_rt_share_open(&third, name, NST_RT_SHARE_PRODUCER, 0) == NST_RT_SHARE_ROLE_TAKEN);
    SAYS("is its producer already");
    SAYS("process ");
    CHECK(nst_rt_share_open(&third, name, NST_RT_SHARE_CONSUMER, 0) == NST_RT_SHARE_ROLE_TAKEN);
    for (int n = 0; n < 2; n++)
        CHECK(send_frame(producer, frame, 0, 0) == NST_RT_SHARE_OK);
    CHECK(send_frame(producer, frame, 0, 30) == NST_RT_SHARE_TIMEOUT);
    SAYS("no room");
    CHECK(nst_rt_share_receive(consumer, &result, 30) == NST_RT_SHARE_TIMEOUT);
    nst_rt_share_close(producer);
    nst_rt_share_close(consumer);
    third = opened(NST_RT_SHARE_BOTH); /* the roles are free again, and the numbers continue */
    CHECK(nst_rt_share_first(third) == 2);
    nst_rt_share_close(third);
    end_server(server);
}

static void lost_servers(void)
{
    nst_rt_share_result result;
    uint8_t frame[BYTES] = {0};
    pid_t server = start_server(name, WIDTH, HEIGHT, 3, 1);
    nst_rt_share *share = opened(NST_RT_SHARE_BOTH);
    for (int n = 0; n < 3; n++)
        CHECK(send_frame(share, frame, 0, 0) == NST_RT_SHARE_OK);
    kill_server(server);
    double began = seconds();
    CHECK(nst_rt_share_receive(share, &result, -1) == NST_RT_SHARE_SERVER_GONE); /* also without a time-out */
    SAYS("3 frames with it");
    CHECK(send_frame(share, frame, 0, -1) == NST_RT_SHARE_SERVER_GONE);
    CHECK(seconds() - began < 20);
    CHECK(nst_rt_share_reconnect(share, 50) == NST_RT_SHARE_TIMEOUT); /* the file of the dead server does not count */
    CHECK(nst_rt_share_lost(share) == 3);
    CHECK(nst_rt_share_receive(share, &result, 0) == NST_RT_SHARE_BAD_CALL);
    server = start_server(name, 2 * WIDTH, 2 * HEIGHT, 5, 0); /* of another size */
    CHECK(nst_rt_share_reconnect(share, 5000) == NST_RT_SHARE_OK);
    CHECK(nst_rt_share_lost(share) == 3 && nst_rt_share_room(share) == 4 * WIDTH * HEIGHT * 4);
    CHECK(stylize_frame(share, frame, frame, 5000) == NST_RT_SHARE_OK);
    CHECK(frame[0] == 255);
    /* The results of before the end are still received. */
    CHECK(send_frame(share, frame, 77, 0) == NST_RT_SHARE_OK);
    usleep(300000);
    end_server(server);
    CHECK(nst_rt_share_receive(share, &result, 5000) == NST_RT_SHARE_OK && result.tag == 77);
    CHECK(nst_rt_share_release(share) == NST_RT_SHARE_OK);
    CHECK(nst_rt_share_receive(share, &result, 5000) == NST_RT_SHARE_SERVER_GONE);
    nst_rt_share_close(share);
}

static void changed_results(void)
{
    pid_t server = start_server(name, WIDTH, HEIGHT, 1, 0);
    nst_rt_share *share = opened(NST_RT_SHARE_BOTH);
    nst_rt_share_result result;
    uint8_t frame[BYTES] = {0};
    CHECK(send_frame(share, frame, 0, 0) == NST_RT_SHARE_OK);
    CHECK(nst_rt_share_receive(share, &result, 5000) == NST_RT_SHARE_OK);
    nst_rt_share_slot *slot = (nst_rt_share_slot *)((uintptr_t)result.pixels - NST_RT_SHARE_SLOT_HEADER_BYTES);
    __atomic_store_n(&slot->sequence, 4711, __ATOMIC_RELEASE);
    CHECK(nst_rt_share_release(share) == NST_RT_SHARE_TORN);
    SAYS("result 0 was changed");
    /* A stride that leads out of the segment. */
    CHECK(send_frame(share, frame, 667, 5000) == NST_RT_SHARE_OK);
    CHECK(nst_rt_share_receive(share, &result, 5000) == NST_RT_SHARE_TORN && result.pixels == NULL);
    CHECK(stylize_frame(share, frame, frame, 5000) == NST_RT_SHARE_OK);
    nst_rt_share_close(share);
    end_server(server);
}

/* A process that was killed left both rings full. */
static void full_rings(void)
{
    pid_t server = start_server(name, WIDTH, HEIGHT, 3, 0);
    nst_rt_share *share = opened(NST_RT_SHARE_BOTH);
    uint8_t frame[BYTES] = {0}, stylized[BYTES] = {0};
    for (int n = 0; n < 6; n++)
        CHECK(send_frame(share, frame, 0, 5000) == NST_RT_SHARE_OK);
    nst_rt_share_close(share);
    share = opened(NST_RT_SHARE_BOTH);
    CHECK(send_frame(share, frame, 0, 200) == NST_RT_SHARE_TIMEOUT);
    memset(frame, 9, sizeof frame);
    CHECK(stylize_frame(share, frame, stylized, 5000) == NST_RT_SHARE_OK);
    CHECK(stylized[0] == 246 && stylized[BYTES - 1] == 246);
    nst_rt_share_close(share);
    end_server(server);
    server = start_server(name, WIDTH, HEIGHT, 1, 1);
    share = opened(NST_RT_SHARE_BOTH);
    CHECK(send_frame(share, frame, 0, 0) == NST_RT_SHARE_OK);
    CHECK(stylize_frame(share, frame, stylized, 150) == NST_RT_SHARE_TIMEOUT);
    SAYS("no room for a frame in time");
    nst_rt_share_close(share);
    end_server(server);
}

/* Producer, server and consumer at full speed: a torn frame or result would not be the inverse. */
enum { HAMMERED = 20000 };

static void *produce(void *share)
{
    for (uint64_t n = 0; n < HAMMERED; n++) {
        uint8_t *pixels;
        uint32_t width = 16 + (uint32_t)(n % 48);
        CHECK(nst_rt_share_begin(share, width, HEIGHT, NST_RT_SHARE_BGR24, 10000, &pixels) == NST_RT_SHARE_OK);
        fill(pixels, nst_rt_share_frame_bytes(width, HEIGHT, NST_RT_SHARE_BGR24), n);
        CHECK(nst_rt_share_commit(share, (int64_t)n, n + 1000, NULL) == NST_RT_SHARE_OK);
    }
    return NULL;
}

static void hammer(void)
{
    pid_t server = start_server(name, WIDTH, HEIGHT, 2, 0);
    nst_rt_share *share = opened(NST_RT_SHARE_BOTH);
    pthread_t producer;
    CHECK(pthread_create(&producer, NULL, produce, share) == 0);
    for (uint64_t n = 0; n < HAMMERED; n++) {
        nst_rt_share_result result;
        CHECK(nst_rt_share_receive(share, &result, 10000) == NST_RT_SHARE_OK);
        CHECK(result.number == n && result.tag == n + 1000 && result.width == 16 + n % 48);
        CHECK(result.status == NST_RT_SHARE_STYLIZED && is_inverse(result.pixels, result.bytes, n));
        CHECK(nst_rt_share_release(share) == NST_RT_SHARE_OK);
    }
    pthread_join(producer, NULL);
    nst_rt_share_close(share);
    end_server(server);
}

int main(void)
{
    snprintf(name, sizeof name, "ctest-%d", (int)getpid());
    CHECK(nst_rt_share_version() == NST_RT_SHARE_VERSION);
    no_server();
    invalid_segments();
    round_trips();
    invalid_frames();
    roles_and_room();
    lost_servers();
    changed_results();
    full_rings();
    hammer();
    puts("ok");
    return 0;
}
