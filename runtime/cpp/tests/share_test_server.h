/* A server of its own for the tests of the client, in a process that can be killed: it inverts every frame. */
#ifndef NST_RT_SHARE_TEST_SERVER_H
#define NST_RT_SHARE_TEST_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "nst_rt/share.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Make the segment and serve it in a child process; returns once it is there. An idle one takes no frames. */
pid_t start_server(const char *name, uint32_t width, uint32_t height, uint32_t slots, int idle);

/* End it in order: it says so and removes the segment. */
void end_server(pid_t server);

/* SIGKILL: the segment stays. */
void kill_server(pid_t server);

/* A file of that name with `size` bytes that begin with `header`; remove_segment removes it. */
void write_segment(const char *name, const void *header, uint64_t size);
void remove_segment(const char *name);

#ifdef __cplusplus
}
#endif

#endif
