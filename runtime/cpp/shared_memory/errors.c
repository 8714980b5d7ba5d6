/* The message of the last call that failed in a thread.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "handle.h"

static _Thread_local char last_error[512] = "";

nst_rt_share_code nst_rt_fail(nst_rt_share_code code, const char *format, ...)
{
    int kept = errno;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(last_error, sizeof last_error, format, arguments);
    va_end(arguments);
    errno = kept;
    return code;
}

const char *nst_rt_share_last_error(void)
{
    return last_error;
}
