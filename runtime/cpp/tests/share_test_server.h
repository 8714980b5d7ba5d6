/* A server for the tests of the client. It runs in a process that can be killed, and inverts every frame. */
#ifndef NST_RT_SHARE_TEST_SERVER_H
#define NST_RT_SHARE_TEST_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "nst_rt/share.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes the segment and serves it in a child process. An idle server takes no frames. */
pid_t start_server(const char *name, uint32_t width, uint32_t height, uint32_t slots, int idle);

/* Ends it normally: it marks the segment as ended and removes it. */
void end_server(pid_t server);

/* Kills it: the segment stays. */
void kill_server(pid_t server);

/* Makes a file of this name with `size` bytes that start with `header`; remove_segment removes it. */
void write_segment(const char *name, const void *header, uint64_t size);
void remove_segment(const char *name);

#ifdef __cplusplus
}
#endif

#endif
