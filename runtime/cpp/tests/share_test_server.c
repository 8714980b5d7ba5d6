#define _GNU_SOURCE /* F_OFD_SETLK, O_TMPFILE */

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shared_memory/counters.h"
#include "share_test_server.h"

#define NAP_NS 50000000

static volatile sig_atomic_t ending = 0;

static void on_term(int number)
{
    (void)number;
    ending = 1;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void path_of(char path[160], const char *name)
{
    snprintf(path, 160, "/dev/shm/" NST_RT_SHARE_PREFIX "%s", name);
}

static nst_rt_share_header *make(const char *path, uint32_t width, uint32_t height, uint32_t slots)
{
    uint64_t room = (uint64_t)width * height * 4;
    uint64_t slot_bytes = (NST_RT_SHARE_SLOT_HEADER_BYTES + room + 4095) / 4096 * 4096;
    uint64_t size = NST_RT_SHARE_HEADER_BYTES + 2 * slots * slot_bytes;
    char link_path[64];
    int file = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, (off_t)size) != 0)
        die("segment");
    nst_rt_share_header *header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (header == MAP_FAILED)
        die("mmap");
    memcpy(header->magic, NST_RT_SHARE_MAGIC, 8);
    header->version = NST_RT_SHARE_VERSION;
    header->header_bytes = NST_RT_SHARE_HEADER_BYTES;
    header->server_pid = (uint32_t)getpid();
    header->state = NST_RT_SHARE_SERVING;
    header->segment_bytes = size;
    header->width = width;
    header->height = height;
    header->slots = slots;
    header->slot_bytes = slot_bytes;
    header->frame_bytes = room;
    header->frames_offset = NST_RT_SHARE_HEADER_BYTES;
    header->results_offset = NST_RT_SHARE_HEADER_BYTES + slots * slot_bytes;
    strcpy(header->description, "test server");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = NST_RT_SHARE_SERVER_BYTE, .l_len = 1};
    if (fcntl(file, F_OFD_SETLK, &lock) != 0)
        die("lock");
    unlink(path);
    snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", file);
    if (linkat(AT_FDCWD, link_path, AT_FDCWD, path, AT_SYMLINK_FOLLOW) != 0)
        die("linkat");
    return header;
}

static void serve(nst_rt_share_header *header, bool idle)
{
    uint8_t *memory = (uint8_t *)header;
    for (uint64_t n = 0; !ending;) {
        uint64_t head = load(&header->frames.head);
        uint64_t freed = load(&header->results.tail);
        if (idle || head == n) {
            wait_for(&header->frames.head, head, NAP_NS);
            continue;
        }
        if (n - freed == header->slots) {
            wait_for(&header->results.tail, freed, NAP_NS);
            continue;
        }
        uint64_t at = n % header->slots * header->slot_bytes;
        nst_rt_share_slot *frame = (nst_rt_share_slot *)(memory + header->frames_offset + at);
        nst_rt_share_slot *result = (nst_rt_share_slot *)(memory + header->results_offset + at);
        __atomic_store_n(&result->sequence, 2 * n + 1, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        int64_t taken = now_ns();
        memcpy((uint8_t *)result + 8, (uint8_t *)frame + 8, sizeof *frame - 8);
        for (uint64_t i = 0; i < frame->size; i++)
            ((uint8_t *)(result + 1))[i] = (uint8_t)(255 - ((uint8_t *)(frame + 1))[i]);
        result->sent_ns = frame->written_ns;
        result->taken_ns = taken;
        result->written_ns = now_ns();
        if (frame->tag == 666) { /* the tests use this tag for a frame that is refused */
            result->status = NST_RT_SHARE_FRAME_REFUSED;
            strcpy(result->message, "the number of the beast");
        }
        if (frame->tag == 667)
            result->stride = 100000000; /* ... and this one for a wrong stride */
        if (__atomic_load_n(&frame->sequence, __ATOMIC_ACQUIRE) != 2 * n + 2)
            result->status = NST_RT_SHARE_FRAME_TORN;
        __atomic_store_n(&result->sequence, 2 * n + 2, __ATOMIC_RELEASE);
        n++;
        publish(&header->results.head, n);
        publish(&header->frames.tail, n);
    }
}

pid_t start_server(const char *name, uint32_t width, uint32_t height, uint32_t slots, int idle)
{
    char path[160];
    int ready[2];
    char answer = 0;
    path_of(path, name);
    if (pipe(ready) != 0)
        die("pipe");
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGTERM, on_term);
        nst_rt_share_header *header = make(path, width, height, slots);
        if (write(ready[1], "!", 1) != 1)
            die("write");
        serve(header, idle != 0);
        header->state = NST_RT_SHARE_ENDED;
        unlink(path);
        _exit(0);
    }
    close(ready[1]);
    if (read(ready[0], &answer, 1) != 1)
        die("server");
    close(ready[0]);
    return child;
}

void end_server(pid_t server)
{
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
}

void kill_server(pid_t server)
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
}

void write_segment(const char *name, const void *header, uint64_t size)
{
    char path[160];
    path_of(path, name);
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    uint64_t known = size < NST_RT_SHARE_HEADER_BYTES ? size : NST_RT_SHARE_HEADER_BYTES;
    if (file < 0 || write(file, header, known) != (ssize_t)known || ftruncate(file, (off_t)size) != 0)
        die("write_segment");
    close(file);
}

void remove_segment(const char *name)
{
    char path[160];
    path_of(path, name);
    unlink(path);
}
